"""Pair predictions with references and check that each pair can be compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nnunet_cscn.errors import UserError
from nnunet_cscn.nifti.grids import TOLERANCE, Grid, grid_differences, read_grid
from nnunet_cscn.nifti.voxels import ENDINGS


@dataclass(frozen=True)
class CaseFiles:
    """A case: its name, its prediction and its reference."""

    name: str
    prediction: Path
    reference: Path


@dataclass(frozen=True)
class CheckedCases:
    """The cases of two folders.

    Attributes:
        cases: The cases that can be compared, in the order of their names.
        grids: For each of these cases, the grid that both files share.
        problems: For each other case, the reason why it cannot be compared.
    """

    cases: Sequence[CaseFiles]
    grids: Mapping[str, Grid]
    problems: Mapping[str, str]


def check_cases(predictions: Path, references: Path) -> CheckedCases:
    """Pair the NIfTI files of two folders by name and compare their grids.

    Other files (such as the JSON, npz and pkl files of nnU-Net) and hidden files are ignored.

    Args:
        predictions: Folder of predicted label maps.
        references: Folder of reference label maps.

    Raises:
        UserError: When a folder is missing or has no NIfTI file, or when a case has two files in one folder.
    """
    predicted, referenced = _files_by_case(predictions), _files_by_case(references)
    problems = dict.fromkeys(referenced.keys() - predicted.keys(), f"without a prediction in {predictions}")
    problems |= dict.fromkeys(predicted.keys() - referenced.keys(), f"without a reference in {references}")
    pairs = [CaseFiles(n, predicted[n], referenced[n]) for n in sorted(predicted.keys() & referenced.keys())]
    return check_pairs(pairs, problems)


def check_pairs(pairs: Sequence[CaseFiles], problems: Mapping[str, str] | None = None) -> CheckedCases:
    """Compare the grids of the two files of each case.

    Args:
        pairs: The cases.
        problems: The problems of other cases that are known already.
    """
    found = dict(problems or {})
    cases, grids = [], {}
    for case in pairs:
        try:
            grids[case.name] = _common_grid(case)
        except UserError as fault:
            found[case.name] = str(fault)
        else:
            cases.append(case)
    return CheckedCases(cases, grids, found)


def raise_problems(problems: Mapping[str, str]) -> None:
    """Raise one error that lists every case that cannot be evaluated, with the reason.

    Raises:
        UserError: When there is any problem.
    """
    if not problems:
        return
    lines = [f"{name}: {reason}" for name, reason in sorted(problems.items())]
    raise UserError("\n  ".join([f"{len(lines)} case(s) cannot be evaluated; correct or remove these files:", *lines]))


def _files_by_case(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise UserError(f"{folder}: folder not found; check the path")
    try:
        files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    except OSError as fault:
        raise UserError(f"{folder}: the folder cannot be read ({fault.strerror})") from None
    found: dict[str, Path] = {}
    for path in files:
        ending = next((ending for ending in ENDINGS if path.name.endswith(ending)), None)
        if ending is None:
            continue
        name = path.name.removesuffix(ending)
        if name in found:
            raise UserError(f"{folder}: case {name} has two files, {found[name].name} and {path.name}; keep only one")
        found[name] = path
    if not found:
        raise UserError(
            f"{folder}: the folder contains no NIfTI files ({' or '.join('*' + ending for ending in ENDINGS)})"
        )
    return found


def _common_grid(case: CaseFiles) -> Grid:
    grids, problems = [], []
    for role, path in (("prediction", case.prediction), ("reference", case.reference)):
        try:
            grids.append(read_grid(path))
        except UserError as fault:
            problems.append(f"{role}: {fault}")
    if not problems:
        differences = grid_differences(grids[0], grids[1], "the reference")
        problems = [f"the prediction has {each} (tolerance {TOLERANCE})" for each in differences]
    if problems:
        raise UserError("; ".join(problems))
    return grids[0]
