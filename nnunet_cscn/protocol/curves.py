"""CSV files with accuracy, loss and learning rate of every iteration. nnU-Net's log cannot store further values."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nnunet_cscn.csv_files import read_csv, writing_csv
from nnunet_cscn.errors import UserError

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
        UserError: If it has another format.
    """
    headings, *rows = read_csv(file) or [[]]
    if tuple(headings) != _HEADINGS:
        raise UserError(f"{file}: expected the columns {', '.join(_HEADINGS)}; remove it")
    try:
        return [(int(iteration), float(accuracy), float(loss), float(rate)) for iteration, accuracy, loss, rate in rows]
    except ValueError:
        raise UserError(f"{file} is not a curve as the trainers write it: remove it") from None
