import json

import pytest
import torch
from typer.testing import CliRunner

import tiny_checkpoint
from nnunet_cscn.cli.main import app
from nnunet_cscn.files import write_json
from nnunet_cscn.training.cscn import BUNetTrainer, CSCNTrainer

FROM_BUNET = ("weights", "from-bunet")


@pytest.fixture
def checkpoint(tmp_path):
    file = tmp_path / "fold_0" / "checkpoint_final.pth"
    tiny_checkpoint.write(file, BUNetTrainer, name=tiny_checkpoint.COARSE)
    return file


def test_weights_are_written_and_the_next_command_named(checkpoint, tmp_path):
    out = tmp_path / "start.pth"
    arguments = ["-c", tiny_checkpoint.CONFIGURATION, "--seed", "3"]
    shown = CliRunner().invoke(app, ["weights", "from-bunet", str(checkpoint), str(out), *arguments])
    assert shown.exit_code == 0, shown.output
    n_tensors = len(tiny_checkpoint.network(BUNetTrainer, name=tiny_checkpoint.COARSE).state_dict())
    assert f"{out}: {n_tensors} tensors from {checkpoint}" in shown.output
    assert f"-tr CSCNTrainer -pretrained_weights {out}" in shown.output
    tiny_checkpoint.network(CSCNTrainer).load_state_dict(torch.load(out, weights_only=False)["network_weights"])


@pytest.mark.parametrize("content", [b"", b"no checkpoint at all", b"PK\x03\x04"])
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path, refused, content):
    source, out = tmp_path / "source.pth", tmp_path / "start.pth"
    source.write_bytes(content)
    assert f"{source} is not an nnU-Net checkpoint" in refused(*FROM_BUNET, source, out)
    assert list(tmp_path.iterdir()) == [source]


def test_a_truncated_checkpoint_is_refused(checkpoint, tmp_path, refused):
    content = checkpoint.read_bytes()
    for kept in (len(content) // 2, len(content) - 1):
        checkpoint.write_bytes(content[:kept])
        assert f"{checkpoint} is not an nnU-Net checkpoint" in refused(*FROM_BUNET, checkpoint, tmp_path / "start.pth")
    assert not (tmp_path / "start.pth").exists()


def test_a_file_that_is_not_there_is_refused(tmp_path, refused):
    assert f"{tmp_path / 'no.pth'} does not exist" in refused(*FROM_BUNET, tmp_path / "no.pth", tmp_path / "start.pth")
    assert f"{tmp_path} does not exist" in refused(*FROM_BUNET, tmp_path, tmp_path / "start.pth")
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_of_another_network_is_refused(tmp_path, refused):
    source = tmp_path / "checkpoint_final.pth"
    tiny_checkpoint.write(source, CSCNTrainer)
    assert "contains weights of CSCNTrainer" in refused(*FROM_BUNET, source, tmp_path / "start.pth")
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.parametrize("seed", ["-1", "4294967296"])
def test_a_seed_out_of_range_is_refused(checkpoint, tmp_path, refused, seed):
    assert "--seed" in refused(*FROM_BUNET, checkpoint, tmp_path / "start.pth", "--seed", seed)
    assert not (tmp_path / "start.pth").exists()


def test_adapted_weights_are_written_and_told(tmp_path, monkeypatch, cscn):
    folder = tmp_path / "preprocessed" / "Dataset905_Other"
    monkeypatch.setenv("nnUNet_preprocessed", str(folder.parent))
    write_json(folder / "nnUNetPlans.json", tiny_checkpoint.manager().plans)
    write_json(folder / "dataset.json", tiny_checkpoint.description({"labels": {"background": 0, "GTVp": 1}}))
    model, out, told = (tmp_path / name for name in ("checkpoint_final.pth", "start.pth", "told.json"))
    tiny_checkpoint.write(model, CSCNTrainer)
    status, shown, _ = cscn("weights", "adapt", model, "--for", 905, "-o", out, "--json", told)
    assert status == 0
    assert "GTVn dropped" in shown
    assert f"-pretrained_weights {out}" in shown
    assert json.loads(told.read_text(encoding="utf-8"))["kept_labels"] == ["background", "GTVp"]


def test_weights_for_a_data_set_that_is_not_there_are_refused(checkpoint, empty_nnunet_folders, refused):
    assert "contain no data set 905" in refused("weights", "adapt", checkpoint, "--for", 905)
