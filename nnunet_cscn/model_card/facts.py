"""Read facts about a trained model from its folder. Names of cases are not read."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nnunet_cscn.errors import ArgumentError, UserError
from nnunet_cscn.files import read_json_file
from nnunet_cscn.formats.endings import files_by_case
from nnunet_cscn.nnunet.plans import configuration_from_plans, read_plans_file

CHECKPOINTS = ("checkpoint_final.pth", "checkpoint_best.pth", "checkpoint_latest.pth")
CURVES = ("train_losses", "val_losses", "ema_fg_dice", "lrs")


@dataclass(frozen=True)
class Spread:
    """Least, median and largest value.

    Example:
        >>> Spread.from_values([3.0, 1.0, 2.0])
        Spread(low=1.0, median=2.0, high=3.0)
    """

    low: float
    median: float
    high: float

    @classmethod
    def from_values(cls, values: Sequence[float]) -> Spread:
        """Return the spread of some values; of at least one."""
        return cls(float(np.min(values)), float(np.median(values)), float(np.max(values)))


@dataclass(frozen=True)
class FoldFacts:
    """One trained fold.

    Attributes:
        fold: Its name: a number, or ``all``.
        checkpoint: The name of the checkpoint that was read.
        n_training: Cases that it was trained on; None where the checkpoint does not say.
        n_validation: Cases that it was validated on; None where it was not.
        curves: nnU-Net's lists with a value for each epoch: ``train_losses``, ``val_losses``, ``ema_fg_dice``, ``lrs``.
        seconds: Duration of the epochs together; nan where it is not known.
        dice: The Dice of each validation case, by the name of the label; nan where both masks are empty.
        trained_with: Versions and device of the training, by name.
    """

    fold: str
    checkpoint: str
    n_training: int | None
    n_validation: int | None
    curves: Mapping[str, Sequence[float]]
    seconds: float
    dice: Mapping[str, Sequence[float]]
    trained_with: Mapping[str, str]

    @property
    def n_epochs(self) -> int:
        """Number of finished epochs."""
        return len(self.curves.get("train_losses", ()))


@dataclass(frozen=True)
class ModelFacts:
    """One trained model.

    Attributes:
        dataset: The data set's name.
        trainer: The trainer's name.
        plans: The plans' name.
        configuration: The configuration's name.
        description: The data set's dataset.json.
        plan: The configuration, with what it inherits.
        spacing_mm: Spread of the spacings of the training cases along each axis; empty where it is not known.
        shape: Spread of the numbers of voxels along each axis, after cropping; empty where it is not known.
        n_parameters: Number of trainable values of the network.
        folds: The trained folds.
    """

    dataset: str
    trainer: str
    plans: str
    configuration: str
    description: Mapping[str, Any]
    plan: Mapping[str, Any]
    spacing_mm: tuple[Spread, ...]
    shape: tuple[Spread, ...]
    n_parameters: int
    folds: tuple[FoldFacts, ...]

    @property
    def labels(self) -> Mapping[str, Any]:
        """The value, or values, of each label but the background and the ignore label."""
        labels: Mapping[str, Any] = self.description["labels"]
        return {name: value for name, value in labels.items() if name != "ignore" and value != 0}


def read_model(folder: Path) -> ModelFacts:
    """Read a model's folder.

    Args:
        folder: As nnU-Net makes it, ``TRAINER__PLANS__CONFIGURATION``, with ``fold_0`` and so on.

    Raises:
        ArgumentError: If it is none, or no fold is trained.
        UserError: If a file in it is damaged.
    """
    names = folder.absolute().name.split("__")
    if not folder.is_dir() or len(names) != 3 or not (folder / "plans.json").is_file():
        raise ArgumentError(
            "folder", f"expected a folder of a trained model such as CSCNTrainer__nnUNetPlans__3d_fullres, got {folder}"
        )
    description = read_json_file(folder / "dataset.json")
    if not isinstance(description, dict) or not isinstance(description.get("labels"), dict):
        raise UserError(f"{folder / 'dataset.json'} has no valid labels: restore it or train again")
    if not isinstance(description.get("channel_names", description.get("modality", {})), dict):
        raise UserError(f"{folder / 'dataset.json'} has no valid channel_names: restore it or train again")
    plans = read_plans_file(folder / "plans.json")
    spacing_mm, shape = _data_spreads(folder / "dataset_fingerprint.json")
    places = {each.name.removeprefix("fold_"): each for each in sorted(folder.glob("fold_*")) if _checkpoint(each)}
    if not places:
        raise ArgumentError("folder", f"{folder} has no trained fold: train it first")
    label_names = {_nnunets_key(value): name for name, value in description["labels"].items()}
    folds, n_parameters = [], 0
    for name, place in places.items():
        fold, n_parameters = _read_fold(name, place, label_names)
        folds.append(fold)
    trainer, plans_name, configuration = names
    return ModelFacts(
        dataset=str(plans.get("dataset_name", folder.absolute().parent.name)),
        trainer=trainer,
        plans=plans_name,
        configuration=configuration,
        description=description,
        plan=configuration_from_plans(plans, configuration),
        spacing_mm=spacing_mm,
        shape=shape,
        n_parameters=n_parameters,
        folds=tuple(folds),
    )


def _read_fold(name: str, place: Path, label_names: Mapping[str, str]) -> tuple[FoldFacts, int]:
    from nnunet_cscn.nnunet.checkpoints import read_checkpoint, record_of

    file = _checkpoint(place)
    assert file is not None
    checkpoint = read_checkpoint(file)
    curves, seconds = _logged(file, checkpoint.get("logging") or {})
    split = record_of(checkpoint).get("split")
    validation = place / "validation"
    dice, n_validation = _validation_dice(validation / "summary.json", label_names)
    if n_validation is None and validation.is_dir():  # predicted, but not measured by nnU-Net
        n_validation = len(files_by_case(validation)) or None
    return FoldFacts(
        fold=name,
        checkpoint=file.name,
        n_training=len(split["train"]) if split else None,
        n_validation=n_validation,
        curves=curves,
        seconds=seconds,
        dice=dice,
        trained_with=_trained_with(place / "debug.json"),
    ), sum(int(weights.numel()) for weights in checkpoint["network_weights"].values() if weights.is_floating_point())


def _logged(checkpoint: Path, log: Any) -> tuple[dict[str, list[float]], float]:
    """Return the curves in nnU-Net's log, and the seconds of all epochs together."""
    try:
        curves = {key: [float(value) for value in log[key]] for key in CURVES if key in log}
        starts, ends = log.get("epoch_start_timestamps", []), log.get("epoch_end_timestamps", [])
        seconds = float(sum(end - start for start, end in zip(starts, ends, strict=False))) if ends else math.nan
    except (AttributeError, TypeError, ValueError):
        raise UserError(f"{checkpoint} has no valid log of its epochs: restore it or train again") from None
    return curves, seconds


def _validation_dice(file: Path, label_names: Mapping[str, str]) -> tuple[dict[str, list[float]], int | None]:
    if not file.is_file():
        return {}, None
    content = read_json_file(file)
    try:
        found: dict[str, list[float]] = {}
        for case in content["metric_per_case"]:
            for key, metrics in case["metrics"].items():
                found.setdefault(label_names.get(key, key), []).append(float(metrics["Dice"]))
        return found, len(content["metric_per_case"])
    except (AttributeError, KeyError, TypeError, ValueError):
        raise UserError(f"{file} is not a summary of nnU-Net's: validate the fold again (`--val`)") from None


def _trained_with(file: Path) -> dict[str, str]:
    """Return versions and device from nnU-Net's notes, and nothing else: they also hold paths and the host's name."""
    try:
        notes = read_json_file(file)
    except UserError:
        return {}
    if not isinstance(notes, dict):
        return {}
    wanted = {"torch_version": "torch", "device": "device", "gpu_name": "GPU"}
    return {shown: str(notes[key]) for key, shown in wanted.items() if key in notes}


def _data_spreads(file: Path) -> tuple[tuple[Spread, ...], tuple[Spread, ...]]:
    if not file.is_file():
        return (), ()
    content = read_json_file(file)
    try:
        spacings, shapes = content["spacings"], content["shapes_after_crop"]
        return (
            tuple(Spread.from_values(axis) for axis in zip(*spacings, strict=True)),
            tuple(Spread.from_values(axis) for axis in zip(*shapes, strict=True)),
        )
    except (KeyError, TypeError, ValueError):
        raise UserError(f"{file} is not a fingerprint of nnU-Net's: restore it, or remove it") from None


def _checkpoint(fold: Path) -> Path | None:
    return next((fold / name for name in CHECKPOINTS if (fold / name).is_file()), None)


def _nnunets_key(value: Any) -> str:
    """Return the name of a label or region in nnU-Net's summary."""
    if isinstance(value, (list, tuple)):
        return str(value[0]) if len(value) == 1 else str(tuple(value))
    return str(value)
