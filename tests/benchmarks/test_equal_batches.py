"""All trainers see the same batches. The comparison with stock nnU-Net depends on this."""

import importlib.util
from pathlib import Path

import pytest
import torch

import tiny_dataset

BENCHMARK = Path(__file__).resolve().parents[2] / "benchmarks" / "train.py"


@pytest.fixture
def benchmark():
    spec = importlib.util.spec_from_file_location("benchmark_train", BENCHMARK)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_stock_and_cscn_get_the_same_batches_and_budget(benchmark, tmp_path, monkeypatch):
    preprocessed = tiny_dataset.make(tmp_path, "labels")
    monkeypatch.setenv("nnUNet_preprocessed", str(preprocessed.parent))
    monkeypatch.setenv("nnUNet_n_proc_DA", "0")
    monkeypatch.setenv("nnUNet_results", str(tmp_path / "results"))
    batches, budgets = [], []
    for name in ("nnUNetTrainer", "CSCNTrainer"):
        trainer = benchmark.prepare("901", "3d_tiny", 0, benchmark.trainer_named(name))
        loader, _ = trainer.get_dataloaders()
        batches.append([next(loader) for _ in range(3)])
        budgets.append((trainer.num_epochs, trainer.num_iterations_per_epoch, trainer.initial_lr))
    assert budgets[0] == budgets[1] == (1, 2, 0.01)
    for stock, ours in zip(*batches, strict=True):
        assert list(stock["keys"]) == list(ours["keys"])
        assert torch.equal(stock["data"], ours["data"])
        assert torch.equal(stock["target"][0], ours["target"][0][:, :1])
