"""CSV files with accuracy, loss and learning rate of every iteration. nnU-Net's log cannot store further values."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from nnunet_cscn.csv_files import writing_csv

TRAINING_FILE = "training_curve.csv"
VALIDATION_FILE = "validation_curve.csv"
_HEADINGS = ("iteration", "accuracy", "loss", "learning_rate")


class CurveFile:
    """A CSV file of iterations, accuracies, losses and learning rates. A resumed training continues the file.

    Args:
        file: The file.
        first_iteration: First iteration of this run; later rows in the file come from an interrupted run and are
            dropped.
    """

    def __init__(self, file: Path, *, first_iteration: int) -> None:
        self._file = file
        self._rows = [row for row in read_curve(file) if row[0] < first_iteration] if file.is_file() else []

    def append(self, rows: Sequence[tuple[int, float, float, float]]) -> None:
        """Add rows. An interruption leaves no partial file."""
        self._rows += rows
        with writing_csv(self._file) as write:
            write(_HEADINGS)
            for row in self._rows:
                write((row[0], *(f"{value:.6g}" for value in row[1:])))


def read_curve(file: Path) -> list[tuple[int, float, float, float]]:
    """Read the file of a ``CurveFile``: iteration, accuracy, loss, learning rate.

    Raises:
        ValueError: If it has other columns.
    """
    with file.open(newline="", encoding="utf-8") as stream:
        headings, *rows = csv.reader(stream)
    if tuple(headings) != _HEADINGS:
        raise ValueError(f"{file}: expected the columns {', '.join(_HEADINGS)}")
    return [(int(row[0]), float(row[1]), float(row[2]), float(row[3])) for row in rows]
