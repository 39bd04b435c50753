"""The checkpoints from which a run of the accuracy benchmarks resumes."""

import runpy
import types
from pathlib import Path
from unittest.mock import MagicMock

import pytest
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

ONE = Path(__file__).parents[2] / "benchmarks" / "accuracy" / "one.py"


@pytest.fixture
def one():
    return runpy.run_path(str(ONE), run_name="one")


def run(one, tmp_path, *, minutes_per_epoch, monkeypatch, epochs=4):
    """The epochs that finished when nnU-Net wrote each latest checkpoint, and the CPU seconds next to it."""
    now, written = [0.0], []
    monkeypatch.setattr(one["time"], "monotonic", lambda: now[0])
    clock = one["CpuClock"](tmp_path / "cpu.json")
    trainer = MagicMock(current_epoch=0, num_epochs=epochs, output_folder=str(tmp_path), local_rank=0, _best_ema=2.0)
    trainer.logger.get_value = lambda key, **_: [1.0] if key == "dice_per_class_or_region" else 1.0
    trainer.save_checkpoint = lambda file: written.append((Path(file).name, trainer.current_epoch + 1))
    trainer.on_epoch_end = types.MethodType(nnUNetTrainer.on_epoch_end, trainer)
    one["_save_by_time"](trainer, clock)
    finished = []
    for epoch in range(epochs):
        now[0] += 60 * minutes_per_epoch
        trainer.on_epoch_end()
        finished += [(name, next_epoch, epoch + 1) for name, next_epoch in written]
        written.clear()
    return finished, clock.file.exists()


def test_a_checkpoint_names_the_epoch_that_comes_next(one, tmp_path, monkeypatch):
    finished, noted = run(one, tmp_path, minutes_per_epoch=5, monkeypatch=monkeypatch)
    assert finished == [("checkpoint_latest.pth", epoch, epoch) for epoch in (1, 2, 3)]
    assert noted


def test_short_epochs_are_not_all_saved(one, tmp_path, monkeypatch):
    finished, _ = run(one, tmp_path, minutes_per_epoch=3, monkeypatch=monkeypatch)
    assert finished == [("checkpoint_latest.pth", 2, 2)]
