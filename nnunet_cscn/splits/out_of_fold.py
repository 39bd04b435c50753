"""Check that each case is held out in exactly one fold, so that one network has not seen it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nnunet_cscn.errors import UserError


def check_held_out_once(file: Path, splits: Any) -> None:
    """Check that every case is in the validation set of exactly one fold and not in its training set.

    Args:
        file: The file of the splits, for messages.
        splits: Content of the file.

    Raises:
        UserError: If this is not the case, or the content is not a list of splits.
    """
    if not _are_splits(splits):
        raise UserError(f"{file} contains no valid splits: expected a list of folds with 'train' and 'val'")
    validated = [case for split in splits for case in split["val"]]
    if uncovered := sorted({case for split in splits for case in split["train"]} - set(validated)):
        raise UserError(
            f"{file}: no fold has these cases in its validation set: {_first_names(uncovered)}; out-of-fold maps need "
            "folds whose validation sets contain every training case"
        )
    if twice := sorted({case for case in validated if validated.count(case) > 1}):
        raise UserError(
            f"{file}: several folds have these cases in their validation sets: {_first_names(twice)}; expected one fold"
        )
    for fold, split in enumerate(splits):
        if shared := sorted(set(split["train"]) & set(split["val"])):
            raise UserError(
                f"{file}: fold {fold} has these cases in its training and validation sets: {_first_names(shared)}; "
                "remove them from one set"
            )


def _are_splits(content: Any) -> bool:
    if not isinstance(content, list) or not content:
        return False
    return all(isinstance(s, dict) and all(isinstance(s.get(k), list) for k in ("train", "val")) for s in content)


def _first_names(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
