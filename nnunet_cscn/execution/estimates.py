"""Estimate the time of a training from the speed of a few steps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from nnunet_cscn.errors import UserError
from nnunet_cscn.files import read_json_file
from nnunet_cscn.numbers import is_number
from nnunet_cscn.training.pace import Pace

STEP_BETWEEN_TILES = 0.5  # nnU-Net's, as a fraction of a tile


@dataclass(frozen=True)
class Estimate:
    """The remaining time.

    Attributes:
        training_s: Of training, in seconds.
        validation_s: Of predicting the validation cases, in seconds.
        pace: The measured speed.
        epochs_left: Epochs that are not done yet, of all folds together. With a time budget: the largest number.
        is_limited: Whether a time budget ends the training before these epochs.
    """

    training_s: float
    validation_s: float
    pace: Pace
    epochs_left: int
    is_limited: bool = False

    @property
    def total_s(self) -> float:
        """Of both, in seconds."""
        return self.training_s + self.validation_s

    def to_json(self) -> dict[str, Any]:
        """Return it for a JSON file."""
        return {
            "training_s": self.training_s,
            "validation_s": self.validation_s,
            "total_s": self.total_s,
            "epochs_left": self.epochs_left,
            "is_limited": self.is_limited,
            "pace": {field.name: getattr(self.pace, field.name) for field in fields(Pace)},
        }


def estimate(
    pace: Pace, *, epochs_done: Sequence[int], n_tiles: int, budgets_s: Sequence[float] | None = None
) -> Estimate:
    """Return the remaining time.

    Args:
        pace: The measured pace.
        epochs_done: Finished epochs of each fold that is still to be trained.
        n_tiles: Tiles of a typical case.
        budgets_s: Time that each of these folds has left, in seconds; None without a time budget.

    Example:
        Ten epochs of 100 steps of 0.5 s and 10 validation steps of 0.2 s; 3 cases of 4 tiles, mirrored 8 times.

        >>> pace = Pace(0.5, 0.2, 0.25, 5, 10, 100, 10, 8, 3)
        >>> left = estimate(pace, epochs_done=[0], n_tiles=4)
        >>> left.training_s, left.validation_s
        (520.0, 24.0)
    """
    epochs_left = [max(0, pace.n_epochs - done) for done in epochs_done]
    epoch_s = pace.steps_per_epoch * pace.train_step_s + pace.validation_steps_per_epoch * pace.validation_step_s
    case_s = n_tiles * pace.n_mirrored * pace.forward_s
    unlimited_s = [epochs * epoch_s for epochs in epochs_left]
    limited_s = list(map(min, unlimited_s, budgets_s if budgets_s is not None else unlimited_s))
    return Estimate(
        training_s=sum(limited_s),
        validation_s=len(epochs_done) * pace.n_validation * case_s,
        pace=pace,
        epochs_left=sum(epochs_left),
        is_limited=limited_s != unlimited_s,
    )


def tiles_of_case(size: Sequence[float], tile: Sequence[int]) -> int:
    """Return the number of tiles into which nnU-Net divides an image.

    Args:
        size: Voxels of the image along each axis.
        tile: Voxels of a tile along each axis; one axis less for tiles of slices.

    Example:
        >>> tiles_of_case((40, 100, 160), (40, 80, 80)), tiles_of_case((40, 100, 160), (80, 80))
        (6, 240)
    """
    n_slices = math.prod(math.ceil(edge) for edge in size[: len(size) - len(tile)])
    counts = [
        math.ceil(max(0.0, edge - side) / (side * STEP_BETWEEN_TILES)) + 1
        for edge, side in zip(size[len(size) - len(tile) :], tile, strict=True)
    ]
    return n_slices * math.prod(counts)


def read_pace(file: Path) -> Pace:
    """Read what ``nnunet_cscn.training.pace`` wrote.

    Raises:
        UserError: If it is something else.
    """
    content = read_json_file(file)
    names = {field.name for field in fields(Pace)}
    are_numbers = isinstance(content, Mapping) and all(is_number(value) and value >= 0 for value in content.values())
    if not are_numbers or content.keys() != names:
        raise UserError(f"{file} is not a measured pace: remove it")
    return Pace(**content)
