"""Which files belong together, and whether each pair can be compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nnunet_cscn.errors import UserError
from nnunet_cscn.formats.endings import files_by_case
from nnunet_cscn.formats.reading import BY_CONTENT
from nnunet_cscn.formats.volume import VolumeReader, differences
from nnunet_cscn.nifti.grids import ORIGIN_TOLERANCE_MM, TOLERANCE, Grid


@dataclass(frozen=True)
class CaseFiles:
    """One case: its name and its two files."""

    name: str
    prediction: Path
    reference: Path


@dataclass(frozen=True)
class CheckedCases:
    """The cases of two folders.

    Attributes:
        cases: Those that can be compared, by name.
        grids: The one grid that both files of each have, by the case's name.
        problems: Why the others can't be, by name.
        reader: What reads their files.
    """

    cases: Sequence[CaseFiles]
    grids: Mapping[str, Grid]
    problems: Mapping[str, str]
    reader: VolumeReader = BY_CONTENT

    def notes(self) -> list[str]:
        """Say where a grid is not exactly that of the files, with the number of such cases."""
        by_text: dict[str, list[str]] = {}
        for name, grid in self.grids.items():
            for text in grid.notes:
                by_text.setdefault(text, []).append(name)
        return [
            f"{names[0]}{f' and {len(names) - 1} more cases' if len(names) > 1 else ''}: {text}"
            for text, names in by_text.items()
        ]


def check_cases(predictions: Path, references: Path, *, reader: VolumeReader = BY_CONTENT) -> CheckedCases:
    """Pair the label maps of two folders by their names, and compare their grids.

    Other files (nnU-Net's own JSON, npz and pkl files) and hidden files are ignored.

    Args:
        predictions: Folder of predicted label maps.
        references: Folder of reference label maps.
        reader: What reads the files.

    Raises:
        UserError: When a folder is missing or has no label map, or when a case has two files in one folder.
    """
    predicted, referenced = (files_by_case(folder, endings=reader.endings) for folder in (predictions, references))
    problems = dict.fromkeys(referenced.keys() - predicted.keys(), f"without a prediction in {predictions}")
    problems |= dict.fromkeys(predicted.keys() - referenced.keys(), f"without a reference in {references}")
    pairs = [CaseFiles(n, predicted[n], referenced[n]) for n in sorted(predicted.keys() & referenced.keys())]
    return check_pairs(pairs, problems, reader=reader)


def check_pairs(
    pairs: Sequence[CaseFiles], problems: Mapping[str, str] | None = None, *, reader: VolumeReader = BY_CONTENT
) -> CheckedCases:
    """Compare the grids of the files of each case.

    Args:
        pairs: The cases.
        problems: What is known to be wrong with others.
        reader: What reads the files.
    """
    found = dict(problems or {})
    cases, grids = [], {}
    for case in pairs:
        try:
            grids[case.name] = _common_grid(case, reader)
        except UserError as fault:
            found[case.name] = str(fault)
        else:
            cases.append(case)
    return CheckedCases(cases, grids, found, reader)


def refuse(problems: Mapping[str, str]) -> None:
    """Raise one error that lists every case that can't be evaluated, with its reason.

    Raises:
        UserError: When there is any problem.
    """
    if not problems:
        return
    lines = [f"{name}: {reason}" for name, reason in sorted(problems.items())]
    raise UserError("\n  ".join([f"{len(lines)} case(s) cannot be evaluated; correct or remove these files:", *lines]))


def _common_grid(case: CaseFiles, reader: VolumeReader) -> Grid:
    """The reference's grid, once it is sure that the prediction has the same voxels."""
    grids, problems = [], []
    for role, path in (("prediction", case.prediction), ("reference", case.reference)):
        try:
            grids.append(reader.grid(path))
        except UserError as fault:
            problems.append(f"{role}: {fault}")
    if not problems:
        found = differences(grids[0], grids[1], "the reference")
        tolerance = f"tolerance {TOLERANCE} mm, origin {ORIGIN_TOLERANCE_MM} mm"
        problems = [f"the prediction has {each} ({tolerance})" for each in found]
    if problems:
        raise UserError("; ".join(problems))
    return grids[1]
