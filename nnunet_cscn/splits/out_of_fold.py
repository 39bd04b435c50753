"""Check that each case is held out in exactly one fold, so that one network has not seen it."""

from __future__ import annotations

from pathlib import Path

from nnunet_cscn.errors import UserError
from nnunet_cscn.splits.cross_validation import Splits
from nnunet_cscn.texts import first_names


def check_held_out_once(file: Path, splits: Splits) -> None:
    """Check that every case is in the validation set of exactly one fold.

    Args:
        file: The file of the splits, for messages.
        splits: Result of ``read_folds``, which has checked that no fold trains on its validation cases.

    Raises:
        UserError: If this is not the case.
    """
    validated = [case for split in splits for case in split["val"]]
    if uncovered := sorted({case for split in splits for case in split["train"]} - set(validated)):
        raise UserError(
            f"{file}: no fold has these cases in its validation set: {first_names(uncovered)}; out-of-fold maps need "
            "folds whose validation sets contain every training case"
        )
    if twice := sorted({case for case in validated if validated.count(case) > 1}):
        raise UserError(
            f"{file}: several folds have these cases in their validation sets: {first_names(twice)}; expected one fold"
        )
