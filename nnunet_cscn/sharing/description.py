"""Describe trained models by names and numbers."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from torch import Tensor

from nnunet_cscn.errors import UserError
from nnunet_cscn.files import read_json_file
from nnunet_cscn.nnunet.checkpoints import record_of
from nnunet_cscn.nnunet.plans import configuration_from_plans, read_plans_file
from nnunet_cscn.sharing.layout import MODEL, fold_name

PACKAGES = ("nnunet-cscn", "nnunetv2", "torch", "numpy")


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that models depend on."""
    return {"Python": platform.python_version(), **{name: metadata.version(name) for name in PACKAGES}}


def described(model: Path) -> dict[str, Any]:
    """Return trainer, plans, configuration, channels, labels and sizes of a model.

    Args:
        model: The model folder.

    Raises:
        UserError: When it is not a model folder, or its plans or description are not valid.
    """
    if not MODEL.fullmatch(model.name):
        raise UserError(f"{model.name}: expected the folder of a model, called TRAINER__PLANS__CONFIGURATION")
    trainer, plans_name, configuration = model.name.split("__", 2)
    plans = read_plans_file(model / "plans.json")
    plan = configuration_from_plans(plans, configuration)
    dataset_json = read_json_file(model / "dataset.json")
    description = dataset_json if isinstance(dataset_json, dict) else {}
    channels = description.get("channel_names", description.get("modality"))
    if not isinstance(channels, dict) or not isinstance(description.get("labels"), dict):
        raise UserError(f"{model / 'dataset.json'} has no valid channel_names and labels: restore it")
    return {
        "dataset": plans.get("dataset_name"),
        "trainer": trainer,
        "plans": plans_name,
        "configuration": configuration,
        "channels": channels,
        "labels": description["labels"],
        "file_ending": description.get("file_ending"),
        "spacing_mm": plan.get("spacing"),
        "patch_size": plan.get("patch_size"),
        "batch_size": plan.get("batch_size"),
        "n_cases": description.get("numTraining"),
    }


def described_fold(folder: Path, checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    """Return the numbers of cases, epochs and weights of a fold, and its validation score.

    Args:
        folder: The fold folder.
        checkpoint: A checkpoint of the fold.
    """
    split = record_of(dict(checkpoint)).get("split")
    summary = folder / "validation" / "summary.json"
    content = read_json_file(summary) if summary.is_file() else {}
    foreground = content.get("foreground_mean") if isinstance(content, dict) else None
    weights = (weight for weight in checkpoint["network_weights"].values() if isinstance(weight, Tensor))
    tensors = {tensor.data_ptr(): tensor.numel() for tensor in weights}
    epochs = checkpoint.get("current_epoch")
    return {
        "fold": fold_name(folder),
        "n_training_cases": _count(split, "train"),
        "n_validation_cases": _count(split, "val"),
        "epochs": epochs if isinstance(epochs, int) else None,
        "validation_dice": foreground.get("Dice") if isinstance(foreground, dict) else None,
        "n_parameters": sum(tensors.values()),
    }


def _count(split: Any, part: str) -> int | None:
    cases = split.get(part) if isinstance(split, Mapping) else None
    return len(cases) if isinstance(cases, (list, tuple)) else None
