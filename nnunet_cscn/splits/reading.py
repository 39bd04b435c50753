"""Read nnU-Net's folds from `splits_final.json`."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from nnunet_cscn.errors import UserError
from nnunet_cscn.files import read_json_file
from nnunet_cscn.splits.cross_validation import Splits
from nnunet_cscn.splits.sides import TRAINING, check_known_cases, check_sides
from nnunet_cscn.texts import are_texts


def read_folds(file: Path, *, known: Collection[str] | None = None) -> Splits:
    """Read the folds of a data set.

    All folds are checked, also for the training of one: a mistake in a later fold would show only after days.

    Args:
        file: A `splits_final.json`.
        known: The preprocessed cases of the data set. None to accept any names.

    Returns:
        The training and validation cases of each fold.

    Raises:
        UserError: If the file cannot be read, or is not a list of folds with the names of cases. Also if a list is
            empty, a case is a training and a validation case of one fold, or is not known.
    """
    content = read_json_file(file)
    if not isinstance(content, list) or not content or not all(_is_fold(fold) for fold in content):
        raise UserError(
            f"{file} contains no valid splits: expected a list of folds, each with the names of cases in 'train' and "
            "'val'; correct it, or remove it so that nnU-Net makes new folds"
        )
    for number, fold in enumerate(content):
        check_sides(file, f"fold {number}", {TRAINING: fold["train"], "validation": fold["val"]})
        if known is not None:
            check_known_cases(file, f"fold {number}", [*fold["train"], *fold["val"]], known)
    return content


def _is_fold(fold: Any) -> bool:
    return isinstance(fold, dict) and all(are_texts(fold.get(side)) for side in ("train", "val"))
