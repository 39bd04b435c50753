"""Accuracy, loss and learning rate of every iteration, in files of their own: nnU-Net's log takes no further keys."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from nnunet_cscn.csv_files import writing_csv

TRAINING_FILE = "training_curve.csv"
VALIDATION_FILE = "validation_curve.csv"
_HEADINGS = ("iteration", "accuracy", "loss", "learning_rate")


class CurveFile:
    """A CSV of iterations, accuracies, losses and learning rates, which a resumed training goes on writing.

    Args:
        file: The file.
        first_iteration: Where the training starts; what the file says of later ones belongs to a run that was lost.
    """

    def __init__(self, file: Path, *, first_iteration: int) -> None:
        self._file = file
        self._rows = [row for row in read_curve(file) if row[0] < first_iteration] if file.is_file() else []

    def append(self, rows: Sequence[tuple[int, float, float, float]]) -> None:
        """Write further rows; the file is whole at any time."""
        self._rows += rows
        with writing_csv(self._file) as write:
            write(_HEADINGS)
            for row in self._rows:
                write((row[0], *(f"{value:.6g}" for value in row[1:])))


def read_curve(file: Path) -> list[tuple[int, float, float, float]]:
    """Read what a ``CurveFile`` wrote: iteration, accuracy, loss, learning rate.

    Raises:
        ValueError: When it is something else.
    """
    with file.open(newline="", encoding="utf-8") as stream:
        headings, *rows = csv.reader(stream)
    if tuple(headings) != _HEADINGS:
        raise ValueError(f"{file}: expected the columns {', '.join(_HEADINGS)}")
    return [(int(row[0]), float(row[1]), float(row[2]), float(row[3])) for row in rows]
