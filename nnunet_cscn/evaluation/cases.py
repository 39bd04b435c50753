"""Which files belong together, and whether each pair can be compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nnunet_cscn.errors import UserError
from nnunet_cscn.nifti.grids import TOLERANCE, Grid, grid_differences, read_grid
from nnunet_cscn.nifti.voxels import ENDINGS


@dataclass(frozen=True)
class CaseFiles:
    """One case: its name and its two files."""

    name: str
    prediction: Path
    reference: Path


def find_cases(predictions: Path, references: Path) -> list[CaseFiles]:
    """Pair the NIfTI files of two folders by their names.

    Other files (nnU-Net's own JSON, npz and pkl files) and hidden files are passed over.

    Args:
        predictions: Folder of predicted label maps.
        references: Folder of reference label maps.

    Returns:
        The cases, by name.

    Raises:
        UserError: When a folder is missing or has no NIfTI file, when a case has two files in one folder, or when a
            case is in one folder only.
    """
    predicted, referenced = _files_by_case(predictions), _files_by_case(references)
    problems = []
    if unpredicted := sorted(referenced.keys() - predicted.keys()):
        problems.append(f"without a prediction in {predictions}: {', '.join(unpredicted)}")
    if unreferenced := sorted(predicted.keys() - referenced.keys()):
        problems.append(f"without a reference in {references}: {', '.join(unreferenced)}")
    if problems:
        raise UserError("\n  ".join(["each case needs one file in both folders; these have not:", *problems]))
    return [CaseFiles(name, predicted[name], referenced[name]) for name in sorted(predicted)]


def common_grids(cases: Sequence[CaseFiles]) -> dict[str, Grid]:
    """Read the one grid that both files of each case must have.

    Returns:
        The grid of each case, by the case's name.

    Raises:
        UserError: When files can't be read or grids differ beyond the tolerance; all such cases are listed.
    """
    grids: dict[str, Grid] = {}
    problems: dict[str, str] = {}
    for case in cases:
        try:
            grids[case.name] = _common_grid(case)
        except UserError as fault:
            problems[case.name] = str(fault)
    refuse(problems)
    return grids


def refuse(problems: dict[str, str]) -> None:
    """Raise one error that lists every case that can't be evaluated, with its reason.

    Raises:
        UserError: When there is any problem.
    """
    if not problems:
        return
    lines = [f"{name}: {reason}" for name, reason in sorted(problems.items())]
    raise UserError("\n  ".join([f"{len(lines)} case(s) can't be evaluated; mend or remove these files:", *lines]))


def _files_by_case(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such folder")
    try:
        files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    except OSError as fault:
        raise UserError(f"{folder}: the folder can't be read ({fault.strerror})") from None
    found: dict[str, Path] = {}
    for path in files:
        ending = next((ending for ending in ENDINGS if path.name.endswith(ending)), None)
        if ending is None:
            continue
        name = path.name.removesuffix(ending)
        if name in found:
            raise UserError(f"{folder}: case {name} has two files, {found[name].name} and {path.name}; keep one")
        found[name] = path
    if not found:
        raise UserError(f"{folder}: there is no NIfTI file ({' or '.join('*' + ending for ending in ENDINGS)})")
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
