"""Pair predictions with references and check that each pair can be compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nnunet_cscn.errors import UserError
from nnunet_cscn.formats.endings import NIFTI_ENDINGS, ending_of, files_by_case
from nnunet_cscn.formats.reading import BY_CONTENT
from nnunet_cscn.formats.volume import VolumeReader, differences
from nnunet_cscn.nifti.grids import ORIGIN_TOLERANCE_MM, TOLERANCE, Grid
from nnunet_cscn.texts import listing


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
        reader: Reads the files.
    """

    cases: Sequence[CaseFiles]
    grids: Mapping[str, Grid]
    problems: Mapping[str, str]
    reader: VolumeReader = BY_CONTENT

    def notes(self) -> list[str]:
        """Return notes on grids that are not exactly those of the files, with the number of such cases."""
        by_text: dict[str, list[str]] = {}
        for name, grid in self.grids.items():
            for text in grid.notes:
                by_text.setdefault(text, []).append(name)
        return [
            f"{names[0]}{f' and {len(names) - 1} more cases' if len(names) > 1 else ''}: {text}"
            for text, names in by_text.items()
        ]


def check_cases(predictions: Path, references: Path, *, reader: VolumeReader = BY_CONTENT) -> CheckedCases:
    """Pair the label maps of two folders by name and compare their grids.

    Other files (such as the JSON, npz and pkl files of nnU-Net) and hidden files are ignored.

    Args:
        predictions: Folder of predicted label maps.
        references: Folder of reference label maps.
        reader: Reads the files.

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
    """Compare the grids of the two files of each case.

    Args:
        pairs: The cases.
        problems: The problems of other cases that are known already.
        reader: Reads the files.
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


def raise_problems(problems: Mapping[str, str]) -> None:
    """Raise one error that lists every case that cannot be evaluated, with the reason.

    Raises:
        UserError: When there is any problem.
    """
    if not problems:
        return
    lines = [f"{name}: {reason}" for name, reason in sorted(problems.items())]
    raise UserError(listing(f"{len(lines)} case(s) cannot be evaluated; correct or remove these files:", lines))


def label_files(folder: Path) -> dict[str, Path]:
    """Return the NIfTI file of each case in a folder. Other files and hidden files are ignored.

    Raises:
        UserError: If the folder is missing or has no NIfTI file, or a case has two files.
    """
    found = files_by_case(folder)
    first = next(iter(found.values()))
    if ending_of(first.name, NIFTI_ENDINGS) is None:
        raise UserError(f"{folder}: expected NIfTI files, found {first.name}")
    return found


def _common_grid(case: CaseFiles, reader: VolumeReader) -> Grid:
    """Return the grid of the reference. Raise an error if the prediction has other voxels."""
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
