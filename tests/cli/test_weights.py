import sys

import pytest
import torch
from typer.testing import CliRunner

import tiny_checkpoint
from nnunet_cscn.cli.main import app, main
from nnunet_cscn.training.cscn import BUNetTrainer, CSCNTrainer


@pytest.fixture
def checkpoint(tmp_path):
    file = tmp_path / "fold_0" / "checkpoint_final.pth"
    tiny_checkpoint.write(file, BUNetTrainer)
    return file


@pytest.fixture
def refused(monkeypatch, capsys):
    """Return a function that runs `cscn weights from-bunet` as a user does and returns the sentence it ends with."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["cscn", "weights", "from-bunet", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        assert left.value.code == 2
        shown = capsys.readouterr().err
        assert "Traceback" not in shown
        return shown

    return run


def test_weights_are_written_and_the_next_command_named(checkpoint, tmp_path):
    out = tmp_path / "start.pth"
    shown = CliRunner().invoke(app, ["weights", "from-bunet", str(checkpoint), str(out), "--seed", "3"])
    assert shown.exit_code == 0, shown.output
    n_tensors = len(tiny_checkpoint.network(BUNetTrainer).state_dict())
    assert f"{out}: {n_tensors} tensors from {checkpoint}" in shown.output
    assert f"-tr CSCNTrainer -pretrained_weights {out}" in shown.output
    tiny_checkpoint.network(CSCNTrainer).load_state_dict(torch.load(out, weights_only=False)["network_weights"])


@pytest.mark.parametrize("content", [b"", b"no checkpoint at all", b"PK\x03\x04"])
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path, refused, content):
    source, out = tmp_path / "source.pth", tmp_path / "start.pth"
    source.write_bytes(content)
    assert f"{source} is no nnU-Net checkpoint" in refused(source, out)
    assert list(tmp_path.iterdir()) == [source]


def test_a_truncated_checkpoint_is_refused(checkpoint, tmp_path, refused):
    content = checkpoint.read_bytes()
    for kept in (len(content) // 2, len(content) - 1):
        checkpoint.write_bytes(content[:kept])
        assert f"{checkpoint} is no nnU-Net checkpoint" in refused(checkpoint, tmp_path / "start.pth")
    assert not (tmp_path / "start.pth").exists()


def test_a_file_that_is_not_there_is_refused(tmp_path, refused):
    assert f"{tmp_path / 'no.pth'} does not exist" in refused(tmp_path / "no.pth", tmp_path / "start.pth")
    assert f"{tmp_path} does not exist" in refused(tmp_path, tmp_path / "start.pth")
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_of_another_network_is_refused(tmp_path, refused):
    source = tmp_path / "checkpoint_final.pth"
    tiny_checkpoint.write(source, CSCNTrainer)
    assert "holds weights of CSCNTrainer" in refused(source, tmp_path / "start.pth")
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.parametrize("seed", ["-1", "4294967296"])
def test_a_seed_out_of_range_is_refused(checkpoint, tmp_path, refused, seed):
    assert "--seed" in refused(checkpoint, tmp_path / "start.pth", "--seed", seed)
    assert not (tmp_path / "start.pth").exists()
