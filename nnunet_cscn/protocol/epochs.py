"""A CSV file with losses, DSC and learning rate of every epoch. nnU-Net's own log does not accept further keys."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from pathlib import Path

from nnunet_cscn.csv_files import read_table
from nnunet_cscn.errors import UserError
from nnunet_cscn.files import replacing

FILE = "training_epochs.csv"
COLUMNS = (
    "epoch",
    "learning_rate",
    "training_loss",
    "validation_loss",
    "training_loss_coarse",
    "training_loss_fine",
    "validation_loss_coarse",
    "validation_loss_fine",
    "dsc",
    "dsc_moving_average",
    "seconds",
)

Row = Mapping[str, float]


class EpochFile:
    """A CSV file with a row for each epoch. A resumed training continues it.

    Args:
        file: The file.
        first_epoch: First epoch of this run. Existing rows from this epoch on are removed.
    """

    def __init__(self, file: Path, *, first_epoch: int) -> None:
        self._file = file
        self._rows: list[Row] = (
            [row for row in read_epochs(file) if row["epoch"] < first_epoch] if file.is_file() else []
        )

    def append(self, row: Row) -> None:
        """Add a row with any of ``COLUMNS``. The file is complete at any time."""
        self._rows.append(row)
        with replacing(self._file) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(COLUMNS)
            writer.writerows([_text(row.get(column)) for column in COLUMNS] for row in self._rows)


def read_epochs(file: Path) -> list[Row]:
    """Read the rows of an ``EpochFile``. Empty cells are left out.

    Raises:
        UserError: If the file has another format.
    """
    try:
        rows: list[Row] = [
            {column: float(row[column]) for column in COLUMNS if row[column]} for row in read_table(file)
        ]
        if not all(math.isfinite(row["epoch"]) for row in rows):
            raise ValueError("an epoch has no number")
        return rows
    except (KeyError, ValueError):  # a UserError is one, too
        raise UserError(f"{file} is not a table of epochs as the trainers write it: remove it") from None


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"
