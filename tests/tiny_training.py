"""Trainings of the tiny data set in this process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from nnunet_cscn.planning.options import merge_options

CONFIGURATION = "3d_tiny"


def set_folders(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    for name in ("raw", "preprocessed", "results"):
        monkeypatch.setenv(f"nnUNet_{name}", str(root / name))
    monkeypatch.setenv("nnUNet_n_proc_DA", "0")


def new_trainer(
    trainer: type, preprocessed: Path, fold: int | str, configuration: str = CONFIGURATION, **cscn: Any
) -> Any:
    """Make a trainer as nnUNetv2_train does, with other options than the plans hold."""
    plans = json.loads((preprocessed / "nnUNetPlans.json").read_text())
    plans["configurations"][configuration] = merge_options(plans["configurations"][configuration], {"cscn": cscn})
    return trainer(
        plans={**plans, "continue_training": False},
        configuration=configuration,
        fold=fold,
        dataset_json=json.loads((preprocessed / "dataset.json").read_text()),
        device=torch.device("cpu"),
    )
