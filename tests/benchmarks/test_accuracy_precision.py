"""The precision of the trainings of the accuracy benchmarks."""

import runpy
import types
from pathlib import Path

import pytest
import torch
from nnunetv2.training.nnUNetTrainer import nnUNetTrainer as stock

ONE = Path(__file__).parents[2] / "benchmarks" / "accuracy" / "one.py"


class Network(torch.nn.Conv3d):
    """A convolution that returns its output in nested lists, as the cascade does, and remembers the precision."""

    def forward(self, x):
        out = super().forward(x)
        self.seen = out.dtype
        return [out, [out], torch.zeros(1, dtype=torch.int64)]


@pytest.mark.parametrize(("precision", "inside"), [("full", torch.float32), ("bfloat16", torch.bfloat16)])
def test_steps_have_the_precision_and_losses_get_float32(monkeypatch, precision, inside):
    for name in ("autocast", "dummy_context"):
        monkeypatch.setattr(stock, name, getattr(stock, name))
    trainer = types.SimpleNamespace(network=Network(1, 2, 3), device=torch.device("cpu"), grad_scaler="any")
    runpy.run_path(str(ONE), run_name="one")["set_precision"](trainer, precision)
    with stock.dummy_context():
        full, [scale], origins = trainer.network(torch.randn(1, 1, 4, 4, 4))
    assert trainer.network.seen == inside
    assert full.dtype == scale.dtype == torch.float32
    assert origins.dtype == torch.int64
