"""Trainings of the tiny data set in this process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

import tiny_dataset
from nnunet_cscn.planning.options import merge_options
from nnunet_cscn.prediction.predictor import Model, PredictionMode, SlidingWindow

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


def load_predictor(root: Path, trainer: str, *folds: int, mode: PredictionMode = "tiles", **window: Any) -> Any:
    """Load a trained model of the tiny data set into nnU-Net's predictor, on the CPU."""
    folder = root / "results" / tiny_dataset.NAME / f"{trainer}__nnUNetPlans__{CONFIGURATION}"
    model = Model(folder, folds, "checkpoint_final.pth")
    return model.load(torch.device("cpu"), SlidingWindow(**window), mode=mode)
