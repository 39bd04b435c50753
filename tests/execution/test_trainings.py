import contextlib
import dataclasses
import errno
import fcntl
import zipfile

import pytest
import torch

import finished_training
import hostile_files
import tiny_checkpoint
from nnunet_cscn.errors import UserError
from nnunet_cscn.execution.trainings import Training
from nnunet_cscn.files import write_json
from nnunet_cscn.nnunet.checkpoint_files import ForeignCode
from nnunet_cscn.training.cscn import BUNetTrainer


@pytest.fixture
def training(empty_nnunet_folders):
    preprocessed = empty_nnunet_folders["nnUNet_preprocessed"] / "Dataset901_NPC"
    write_json(preprocessed / "nnUNetPlans.json", {"configurations": {"3d": {}}})
    made = Training("Dataset901_NPC", "3d", "nnUNetTrainer", "nnUNetPlans", 0)
    finished_training.write(made.folder)
    return made


def test_a_training_is_finished_when_what_says_so_is_whole(training):
    assert training.is_finished


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff", b'{"foreground_mean": {}}'])
def test_half_a_summary_is_none_and_is_removed(training, content):
    file = training.folder / "validation" / "summary.json"
    file.write_bytes(content)
    assert not training.looks_finished
    assert not training.is_finished
    assert training.remove_damaged_files() == [file]
    assert not file.exists()
    assert (training.folder / "checkpoint_final.pth").is_file()  # only the validation is missing
    assert "--c" in training.job().command


def with_a_flipped_bit(content, where):
    damaged = bytearray(content)
    damaged[damaged.index(where) + len(where) // 2] ^= 1
    return bytes(damaged)


def test_a_checkpoint_with_a_damaged_weight_is_none_and_is_removed(training):
    file = training.folder / "checkpoint_final.pth"
    weights = torch.arange(64, dtype=torch.float32)
    torch.save({"network_weights": weights}, file)
    assert training.is_finished
    file.write_bytes(with_a_flipped_bit(file.read_bytes(), weights.numpy().tobytes()))
    assert training.looks_finished  # the size and the directory of the archive are right
    assert not training.is_finished
    assert training.remove_damaged_files() == [file]
    assert "--c" not in training.job().command


def test_a_checkpoint_that_cannot_be_read_now_is_kept(training, monkeypatch):
    def fail(_self, _size=-1):
        raise OSError(errno.ESTALE, "Stale file handle")

    before = sorted(file.name for file in training.folder.rglob("*"))
    monkeypatch.setattr(zipfile.ZipExtFile, "read", fail)
    for look in (lambda: training.is_finished, training.remove_damaged_files):
        with pytest.raises(OSError, match="Stale file handle") as told:
            look()
        assert told.value.filename == str(training.folder / "checkpoint_final.pth")
    assert sorted(file.name for file in training.folder.rglob("*")) == before


def test_a_checkpoint_without_checksums_is_whole(training):
    torch.serialization.set_crc32_options(False)
    try:
        torch.save({"network_weights": torch.arange(64)}, training.folder / "checkpoint_final.pth")
    finally:
        torch.serialization.set_crc32_options(True)
    assert training.is_finished


@pytest.mark.parametrize("keep", [0, 10, -1])
def test_half_a_checkpoint_is_none(training, keep):
    file = training.folder / "checkpoint_final.pth"
    file.write_bytes(file.read_bytes()[:keep])
    assert not training.is_finished


def test_torn_checkpoints_are_removed_so_that_the_one_before_is_gone_on_from(training):
    whole = (training.folder / "checkpoint_final.pth").read_bytes()
    for name, content in (("final", b""), ("latest", whole[:-1]), ("best", whole)):
        (training.folder / f"checkpoint_{name}.pth").write_bytes(content)
    removed = training.remove_damaged_files()
    assert [file.name for file in removed] == ["checkpoint_final.pth", "checkpoint_latest.pth"]
    assert [file.name for file in training.folder.glob("*.pth")] == ["checkpoint_best.pth"]
    assert "--c" in training.job().command


def test_a_training_begins_anew_when_no_checkpoint_is_whole(training):
    (training.folder / "checkpoint_final.pth").write_bytes(b"")
    training.remove_damaged_files()
    assert "--c" not in training.job().command


def test_what_a_running_training_writes_is_left_alone(training):
    (training.folder / "checkpoint_final.pth").write_bytes(b"")
    log = training.job().log_file
    log.parent.mkdir()
    with log.open("wb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        assert training.remove_damaged_files() == []
    assert (training.folder / "checkpoint_final.pth").is_file()


def test_a_checkpoint_that_runs_something_is_not_gone_on_from(training, tmp_path, monkeypatch):
    with zipfile.ZipFile(training.folder / "checkpoint_final.pth", "w") as archive:
        archive.writestr("a/data.pkl", hostile_files.by_hand(tmp_path / "ran")["reduce"])
    monkeypatch.delenv("CSCN_TRUST", raising=False)
    with pytest.raises(ForeignCode, match=r"os\.system"):
        training.remove_damaged_files()
    monkeypatch.setenv("CSCN_TRUST", "1")
    assert training.remove_damaged_files() == []


def test_a_checkpoint_with_damaged_instructions_is_named(training):
    with zipfile.ZipFile(training.folder / "checkpoint_final.pth", "w") as archive:
        archive.writestr("a/data.pkl", b"\xff\xff")
    with pytest.raises(UserError, match=r"checkpoint_final\.pth is damaged"):
        training.remove_damaged_files()


def test_pretrained_weights_that_run_code_are_refused(training, tmp_path):
    for file in training.folder.glob("*.pth"):
        file.unlink()
    bad = tmp_path / "start.pth"
    with zipfile.ZipFile(bad, "w") as archive:
        archive.writestr("a/data.pkl", hostile_files.by_hand(tmp_path / "ran")["reduce"])
    with pytest.raises(ForeignCode, match=r"start\.pth .*os\.system"):
        dataclasses.replace(training, pretrained_weights=bad).remove_damaged_files()


def _behind_a_bare_pickle(clean, trace):
    """torch sees its old format at the beginning, Python's zipfile the archive at the end."""
    return hostile_files.by_hand(trace)["reduce"] + clean.read_bytes()


def _under_a_name_in_capitals(clean, trace):
    """torch finds members without regard to case."""
    file = trace.with_name("capitals.pth")
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a/data.PKL", hostile_files.by_hand(trace)["reduce"])
        archive.writestr("a/version", "3\n")
        archive.writestr("a/zdata.pkl", b"}.")
    return file.read_bytes()


@pytest.mark.parametrize("disguised", [_behind_a_bare_pickle, _under_a_name_in_capitals])
def test_what_torch_would_read_is_looked_at_and_not_what_another_reader_sees(training, tmp_path, disguised):
    for file in training.folder.glob("*.pth"):
        file.unlink()
    clean, bad = tmp_path / "clean.pth", tmp_path / "start.pth"
    tiny_checkpoint.write(clean, BUNetTrainer)
    bad.write_bytes(disguised(clean, tmp_path / "ran"))
    with pytest.raises(UserError, match=r"start\.pth"):
        dataclasses.replace(training, pretrained_weights=bad).remove_damaged_files()
    assert not (tmp_path / "ran").exists()
    with contextlib.suppress(Exception):  # as nnU-Net loads weights: the file is one that does run
        torch.load(bad, weights_only=False)
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("trainer", "options", "epochs"),
    [
        ("CSCNTrainer", {}, 1000),
        ("CSCNTrainer", {"epochs": 30}, 30),
        ("CSCNTrainer_50epochs", {}, 50),
        ("CSCNTrainer", {"epochs": 30, "stop": {"patience": 5}}, 30),
        ("CSCNTrainer", {"epochs": 30, "stop": {"minutes": 5}}, None),  # known when the first epoch has ended
        ("nnUNetTrainer_1epoch", {"epochs": 30, "stop": {"minutes": 5}}, 1),  # does not read our options
        ("nnUNetTrainer", {"epochs": 30}, 1000),
    ],
)
def test_the_number_of_epochs_is_that_of_the_trainer(training, empty_nnunet_folders, trainer, options, epochs):
    plans = empty_nnunet_folders["nnUNet_preprocessed"] / "Dataset901_NPC" / "nnUNetPlans.json"
    write_json(plans, {"configurations": {"3d": {"cscn": options}}})
    assert dataclasses.replace(training, trainer=trainer).job().total == epochs
