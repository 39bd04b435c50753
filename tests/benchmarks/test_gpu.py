"""The benchmark for a GPU: its inputs, its table, and one of its checks on the CPU."""

import math
import sys
from pathlib import Path

import pytest
import torch

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def _importable(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "path", [str(BENCHMARKS), *sys.path])
    for name in ("raw", "preprocessed", "results"):
        monkeypatch.setenv(f"nnUNet_{name}", str(tmp_path / name))  # restored afterwards
    monkeypatch.setenv("nnUNet_compile", "False")


@pytest.mark.parametrize("name", ["nnUNetTrainer", "CSCNTrainer", "CSCNStagedTrainer", "CSCNTrainer:full"])
def test_a_trainer_steps_on_the_batches(tmp_path, name):
    from on_gpu.plans import batch_for, make_folders, make_trainer

    make_folders(tmp_path)
    trainer = make_trainer(name, "tiny", "cpu")
    assert math.isfinite(float(trainer.train_step(batch_for(trainer))["loss"]))


def test_losses_are_compared_with_those_of_the_cpu(tmp_path, monkeypatch):
    from on_gpu.plans import make_folders
    from on_gpu.trainer_check import losses

    from nnunet_cscn.networks import block_cascade

    monkeypatch.setattr(block_cascade, "draw_block_origins", block_cascade.draw_block_origins)  # restored afterwards
    make_folders(tmp_path)
    found = losses("CSCNTrainer", "tiny", "cpu")
    assert found["cpu"] == found["device"]
    assert (found["finite"], found["equal"], found["first_off"]) == (True, True, 0.0)


def test_the_table_names_what_is_off_and_what_was_not_run():
    from on_gpu.table import markdown

    good = {"finite": True, "equal": True, "first_off": 0.001, "last_off": 0.01}
    cost = {"step_s": 0.5, "peak_gib": 3.25, "planner_gb": 4.0, "predict_s": 2.0}
    report = {
        "machine": {"gpu": "Some GPU", "torch": "2.15", "python": "3.11"},
        "trainers": {
            "nnUNetTrainer": {"losses": good, "plain": {**cost, "step_s": 0.25}},
            "CSCNTrainer": {"losses": good, "plain": cost, "compiled_losses": {**good, "equal": False}},
            "CNNTrainer": {"skipped": "no time was left"},
            "VNetTrainer": {"failed": "status 1"},
        },
        "ranks": {"finite": True, "equal": True},
    }
    lines = markdown(report).splitlines()
    assert lines[0] == "Some GPU, torch 2.15, Python 3.11"
    assert "| `CSCNTrainer` | yes (0.10 % off) | **no** (0.10 % off) | 0.500 |  | 2.00 | 3.25 | 4.00 | 2.00 |" in lines
    assert any(line.startswith("| `CNNTrainer` | not run") for line in lines)
    assert any(line.startswith("| `VNetTrainer` | failed") for line in lines)
    assert lines[-1] == "Two ranks: losses finite, weights equal"


def test_blocks_are_drawn_evenly_inside_the_window(monkeypatch):
    from on_gpu.trainer_check import _draw_the_same_blocks

    from nnunet_cscn.networks import block_cascade

    monkeypatch.setattr(block_cascade, "draw_block_origins", None)
    _draw_the_same_blocks()
    drawn = block_cascade.draw_block_origins(torch.zeros(2, 1, 8, 10), (4, 4), 3, 1)
    assert drawn.tolist() == [[[0, 0], [2, 3], [4, 6]]] * 2
