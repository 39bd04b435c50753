import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

import hostile_files
import tiny_checkpoint
from nnunet_cscn.errors import UserError
from nnunet_cscn.nnunet.checkpoint_files import ForeignCode
from nnunet_cscn.nnunet.checkpoints import read_checkpoint
from nnunet_cscn.training.cscn import BUNetTrainer


@pytest.fixture(scope="module")
def clean(tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("clean") / "checkpoint_final.pth"
    tiny_checkpoint.write(file, BUNetTrainer)
    return file


def test_all_that_nnunet_writes_is_read(clean, tmp_path):
    content = torch.load(clean, weights_only=False)
    content["_best_ema"] = np.float32(0.75)
    content["logging"] = {"ema_fg_dice": [np.float64(0.5), np.float32(0.25)], "lrs": [0.01]}
    content["init_args"]["cscn"] = {"split": {"train": [np.str_("case_1")], "val": []}}
    content["optimizer_state"] = {"state": {0: {"momentum_buffer": torch.ones(2, dtype=torch.float16)}}}
    torch.save(content, tmp_path / "checkpoint_final.pth")
    read = read_checkpoint(tmp_path / "checkpoint_final.pth")
    assert read["_best_ema"] == np.float32(0.75)
    assert read["logging"] == content["logging"]
    assert read["init_args"]["cscn"]["split"]["train"] == ["case_1"]
    assert read["init_args"]["device"] == torch.device("cpu")
    assert all(torch.equal(tensor, read["network_weights"][key]) for key, tensor in content["network_weights"].items())
    assert torch.equal(read["optimizer_state"]["state"][0]["momentum_buffer"], torch.ones(2, dtype=torch.float16))


@pytest.mark.parametrize("module", ["numpy.core.multiarray", "numpy._core.multiarray"])
def test_numbers_of_either_numpy_are_read(clean, tmp_path, module):
    content = torch.load(clean, weights_only=False)
    torch.save({**content, "_best_ema": np.float32(0.75)}, tmp_path / "both.pth")
    with zipfile.ZipFile(tmp_path / "both.pth") as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("data.pkl"))
        instructions = archive.read(name)
    other = instructions.replace(b"cnumpy._core.multiarray\n", f"c{module}\n".encode())
    read = read_checkpoint(hostile_files.repacked(tmp_path / "both.pth", tmp_path / "new.pth", other))
    assert read["_best_ema"] == np.float32(0.75)


@pytest.mark.parametrize("kind", ["reduce", "instance", "object", "names on the stack", "protocol 5"])
def test_what_a_checkpoint_would_run_is_named_and_does_not_run(clean, tmp_path, kind):
    trace = tmp_path / "ran"
    file = hostile_files.repacked(clean, tmp_path / "bad.pth", hostile_files.by_hand(trace)[kind])
    with pytest.raises(ForeignCode, match=r"bad\.pth is not loaded.*os\.system"):
        read_checkpoint(file)
    assert not trace.exists()


def test_code_beside_whole_weights_is_found(clean, tmp_path):
    content = torch.load(clean, weights_only=False)
    (tmp_path / "bad.pth").write_bytes(hostile_files.spoilt(content, tmp_path / "ran"))
    with pytest.raises(ForeignCode, match=r"os\.system"):
        read_checkpoint(tmp_path / "bad.pth")
    assert not (tmp_path / "ran").exists()
    read_checkpoint(tmp_path / "bad.pth", trust=True)
    assert (tmp_path / "ran").exists()


def test_the_variable_trusts_for_all_processes(clean, tmp_path, monkeypatch):
    (tmp_path / "bad.pth").write_bytes(hostile_files.spoilt(torch.load(clean, weights_only=False), tmp_path / "ran"))
    monkeypatch.setenv("CSCN_TRUST", "0")
    with pytest.raises(ForeignCode, match="CSCN_TRUST=1"):
        read_checkpoint(tmp_path / "bad.pth")
    monkeypatch.setenv("CSCN_TRUST", "1")
    assert read_checkpoint(tmp_path / "bad.pth")["trainer_name"] == "BUNetTrainer"


def test_torchs_old_format_runs_nothing(clean, tmp_path):
    content = torch.load(clean, weights_only=False)
    (tmp_path / "old.pth").write_bytes(hostile_files.spoilt(content, tmp_path / "ran", old_format=True))
    with pytest.raises(UserError, match="not an nnU-Net checkpoint"):
        read_checkpoint(tmp_path / "old.pth")
    assert not (tmp_path / "ran").exists()


def test_a_bare_pickle_runs_nothing(tmp_path):
    (tmp_path / "bare.pth").write_bytes(hostile_files.by_hand(tmp_path / "ran")["reduce"])
    with pytest.raises(UserError, match="not an nnU-Net checkpoint"):
        read_checkpoint(tmp_path / "bare.pth")
    assert not (tmp_path / "ran").exists()


def test_instructions_that_unpack_to_more_than_the_file_are_not_read(clean, tmp_path):
    file = hostile_files.repacked(
        clean, tmp_path / "bomb.pth", b"K\x00" * 2**24 + b".", compression=zipfile.ZIP_DEFLATED
    )
    with pytest.raises(UserError, match="not an nnU-Net checkpoint"):
        read_checkpoint(file)


def test_a_second_set_of_instructions_is_seen(clean, tmp_path):
    file = tmp_path / "two.pth"
    file.write_bytes(clean.read_bytes())
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("other/data.pkl", hostile_files.by_hand(tmp_path / "ran")["reduce"])
    with pytest.raises(ForeignCode, match=r"os\.system"):
        read_checkpoint(file)


@pytest.mark.parametrize("keep", [0, 3, 1000, -1])
def test_a_torn_checkpoint_is_told(clean, tmp_path, keep):
    (tmp_path / "torn.pth").write_bytes(clean.read_bytes()[:keep])
    with pytest.raises(UserError, match="not an nnU-Net checkpoint"):
        read_checkpoint(tmp_path / "torn.pth")


def test_plans_in_a_checkpoint_that_name_other_code_are_refused(clean, tmp_path):
    content = torch.load(clean, weights_only=False)
    block = content["init_args"]["plans"]["configurations"]["3d_tiny"]["architecture"]
    block["network_class_name"] = "subprocess.Popen"
    torch.save(content, tmp_path / "bad.pth")
    with pytest.raises(ForeignCode, match=r"subprocess\.Popen"):
        read_checkpoint(tmp_path / "bad.pth")
    assert read_checkpoint(tmp_path / "bad.pth", trust=True)["trainer_name"] == "BUNetTrainer"
