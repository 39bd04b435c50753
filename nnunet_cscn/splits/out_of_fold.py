"""Check that each case is held out in exactly one fold, so that one network has not seen it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nnunet_cscn.errors import UserError


def check_held_out_once(file: Path, splits: Any) -> None:
    """Refuse folds that do not hold out every case exactly once, in a fold that does not train on it.

    Args:
        file: Where the splits stand.
        splits: Its content.

    Raises:
        UserError: When that is not so, or the file holds no splits.
    """
    if not _are_splits(splits):
        raise UserError(f"{file} contains no valid splits: expected a list of folds with 'train' and 'val'")
    validated = [case for split in splits for case in split["val"]]
    if uncovered := sorted({case for split in splits for case in split["train"]} - set(validated)):
        raise UserError(
            f"{file}: no fold has these cases in its validation set: {_some(uncovered)}; out-of-fold maps need "
            "folds whose validation sets contain every training case"
        )
    if twice := sorted({case for case in validated if validated.count(case) > 1}):
        raise UserError(
            f"{file}: several folds have these cases in their validation sets: {_some(twice)}; expected one fold"
        )
    for fold, split in enumerate(splits):
        if shared := sorted(set(split["train"]) & set(split["val"])):
            raise UserError(
                f"{file}: fold {fold} has these cases in its training and validation sets: {_some(shared)}; remove "
                "them from one set"
            )


def _are_splits(content: Any) -> bool:
    if not isinstance(content, list) or not content:
        return False
    return all(isinstance(s, dict) and all(isinstance(s.get(k), list) for k in ("train", "val")) for s in content)


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
