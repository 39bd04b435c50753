"""Fixed folds for cross-validation, written where nnU-Net reads them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from nnunet_cscn.errors import UserError
from nnunet_cscn.files import read_json_file, write_json

SPLITS_FILE = "splits_final.json"

FOLD_COUNT = 5

Splits = list[dict[str, list[str]]]


def fixed_folds(cases: Sequence[str], *, fold_count: int = FOLD_COUNT) -> Splits:
    """Make case ``i`` of the sorted list the validation case of fold ``i % fold_count``.

    Args:
        cases: Case names in any order.
        fold_count: Number of folds.

    Returns:
        One entry ``{"train": [...], "val": [...]}`` for each fold, as in nnU-Net's ``splits_final.json``.

    Raises:
        UserError: When there are fewer cases than folds, so that a fold would have nothing to validate on.

    Example:
        >>> fixed_folds(["c", "a", "b"], fold_count=3)[1]
        {'train': ['a', 'c'], 'val': ['b']}
    """
    ordered = sorted(cases)
    if len(ordered) < fold_count:
        raise UserError(f"{fold_count} folds need at least {fold_count} cases, the data set has {len(ordered)}")
    return [
        {
            "train": [case for i, case in enumerate(ordered) if i % fold_count != fold],
            "val": [case for i, case in enumerate(ordered) if i % fold_count == fold],
        }
        for fold in range(fold_count)
    ]


def folds_by_patient(patients: Mapping[str, str], *, fold_count: int = FOLD_COUNT) -> Splits:
    """Make folds in nnU-Net's format with all cases of a patient on one side.

    Args:
        patients: Patient of each training case.
        fold_count: Number of folds.

    Returns:
        As many folds, or as many as there are patients; none for a single patient, who can't be on both sides. Patients
        are dealt out in the order in which they come: further ones at the end leave the others in their folds.

    Example:
        >>> folds_by_patient({"a0": "a", "b0": "b", "a1": "a"})[0]
        {'train': ['b0'], 'val': ['a0', 'a1']}
    """
    names = list(dict.fromkeys(patients.values()))
    if len(names) < 2:
        return []
    folds = []
    for fold in range(min(fold_count, len(names))):
        held_out = set(names[fold::fold_count])
        folds.append(
            {
                "train": sorted(case for case, patient in patients.items() if patient not in held_out),
                "val": sorted(case for case, patient in patients.items() if patient in held_out),
            }
        )
    return folds


def folds_of(splits: Splits, cases: Collection[str]) -> Splits:
    """Return folds of some of the cases alone, each on the side where it was.

    Example:
        >>> folds_of([{"train": ["a", "b"], "val": ["c"]}], ["a", "c"])
        [{'train': ['a'], 'val': ['c']}]
    """
    return [{side: [case for case in names if case in cases] for side, names in fold.items()} for fold in splits]


def check_same_folds(file: Path, splits: Splits) -> None:
    """Refuse to replace other folds, which models may already have been trained on.

    Folds with fewer or more cases are the same as long as no case changes its side.

    Raises:
        UserError: When ``file`` exists and holds other folds than ``splits``.
    """
    if not file.exists() or (there := read_json_file(file)) == splits:
        return
    common = _cases_of(there) & _cases_of(splits)
    if not common or _sides(there, common) != _sides(splits, common):
        raise UserError(
            f"{file} contains different folds, and models may have been trained on them: move the file away if you do "
            "not need it, or choose another data set number"
        )


def write_splits(file: Path, splits: Splits) -> None:
    """Write the folds to ``file`` unless they are there.

    Raises:
        UserError: As in ``check_same_folds``.
    """
    check_same_folds(file, splits)
    if not file.exists() or read_json_file(file) != splits:
        write_json(file, splits)


def _cases_of(splits: object) -> set[str]:
    """All cases of folds that were read from a file, which may hold anything."""
    folds = [fold for fold in splits if isinstance(fold, dict)] if isinstance(splits, list) else []
    return {str(case) for fold in folds for names in fold.values() if isinstance(names, list) for case in names}


def _sides(splits: Any, cases: set[str]) -> list[dict[str, set[str]]]:
    """Who of some cases is on which side of each fold."""
    folds = [fold if isinstance(fold, dict) else {} for fold in splits]
    return [
        {side: cases & {*map(str, names)} for side, names in fold.items() if isinstance(names, list)} for fold in folds
    ]
