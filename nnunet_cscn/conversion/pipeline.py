"""From cases of any source to a raw data set of nnU-Net: none half written, and a bad one never stops the others."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnunet_cscn.conversion.raw_dataset import (
    DatasetDescription,
    check_no_other_cases,
    dataset_json,
    image_path,
    label_path,
)
from nnunet_cscn.conversion.splits import SPLITS_FILE, Splits, folds_by_patient, folds_of, write_splits
from nnunet_cscn.errors import UserError
from nnunet_cscn.evaluation.case_pool import OnProgress, each_case
from nnunet_cscn.files import replacing, write_json
from nnunet_cscn.nifti.grids import Grid, grid_differences, read_grid
from nnunet_cscn.nifti.voxels import read_voxels
from nnunet_cscn.nifti.writing import write_volume
from nnunet_cscn.report.contours import draw_labels

REPORT = "conversion_report.csv"
PICTURES = "conversion_pictures"


@dataclass(frozen=True)
class LoadedCase:
    """The content of a case.

    Attributes:
        channels: The images, shape (Z, Y, X) each, all on one grid.
        labels: The label map on the same grid.
        grid: Where the voxels lie.
        notes: What was passed over or changed on the way.
        details: Further columns of the report.
    """

    channels: Sequence[NDArray[Any]]
    labels: NDArray[np.uint8]
    grid: Grid
    notes: tuple[str, ...] = ()
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SourceCase:
    """A case of the source.

    Attributes:
        name: Its name in the data set.
        patient: The patient's pseudonym: cases of one patient stay in one fold.
        load: Reads it; a UserError says why it can't be used.
    """

    name: str
    patient: str
    load: Callable[[], LoadedCase]


@dataclass(frozen=True)
class ConvertedCase:
    """A case that is there.

    Attributes:
        grid: Its grid.
        volumes_ml: Volume of each label.
        notes: What was passed over or changed.
        details: Further columns of the report.
        is_new: Whether a file was written.
    """

    grid: Grid
    volumes_ml: Mapping[str, float]
    notes: tuple[str, ...] = ()
    details: Mapping[str, str] = field(default_factory=dict)
    is_new: bool = True


def convert_cases(
    cases: Sequence[SourceCase],
    folder: Path,
    labels: Mapping[str, int],
    *,
    overwrite: bool = False,
    num_processes: int | None = None,
    on_progress: OnProgress | None = None,
) -> tuple[dict[str, ConvertedCase], dict[str, str]]:
    """Write images and labels of every case, a few cases at a time.

    Args:
        cases: The cases.
        folder: The raw data set.
        labels: Value of each label.
        overwrite: Replace files that differ from the source, instead of refusing the case.
        num_processes: Cases at the same time; None for one on each available processor.
        on_progress: Called with the number of finished cases and of all.

    Returns:
        What was converted, by case; and why the others could not be.

    Raises:
        UserError: When two cases have the same name, or the data set holds files of other cases.
    """
    names = [case.name for case in cases]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UserError(f"the source holds cases of the same name: {', '.join(twice[:5])}; convert one part of it")
    check_no_other_cases(folder, names, n_channels=None)
    work = {case.name: partial(_convert, case, folder, labels, overwrite) for case in cases}
    return each_case(work, num_processes=num_processes, on_progress=on_progress)


def finish_dataset(
    folder: Path,
    description: DatasetDescription,
    cases: Sequence[SourceCase],
    converted: Mapping[str, ConvertedCase],
    problems: Mapping[str, str],
    *,
    folds: Splits | None = None,
) -> None:
    """Write dataset.json, patients.json, the folds, and the report.

    Args:
        folder: The raw data set.
        description: What it is.
        cases: All cases that were tried.
        converted: Those that are there.
        problems: Why the others are not.
        folds: Folds of all cases, of which those that are there are written. Without, folds are written where patients
            have several cases, and keep these together.

    Raises:
        UserError: When other folds are there, on which models may have been trained.
    """
    patients = {case.name: case.patient for case in cases if case.name in converted}
    if folds is None and len(set(patients.values())) < len(patients):
        folds = folds_by_patient(patients)
    if folds:
        write_splits(folder / SPLITS_FILE, folds_of(folds, patients))
    write_json(folder / "patients.json", patients)
    _write_report(folder / REPORT, cases, converted, problems)
    write_json(folder / "dataset.json", dataset_json(description, case_count=len(converted)))


def draw_cases(
    folder: Path, cases: Sequence[str], labels: Mapping[str, int], *, on_progress: OnProgress | None = None
) -> None:
    """Draw every case that has no picture that is newer than its files."""
    names = {label: (value,) for label, value in labels.items()}
    work = {}
    for case in cases:
        files, target = (image_path(folder, case), label_path(folder, case)), folder / PICTURES / f"{case}.png"
        if not target.exists() or target.stat().st_mtime_ns < max(file.stat().st_mtime_ns for file in files):
            work[case] = partial(draw_labels, *files, target, names=names, title=case)
    each_case(work, num_processes=1, on_progress=on_progress)


def _convert(case: SourceCase, folder: Path, labels: Mapping[str, int], overwrite: bool) -> ConvertedCase:
    try:
        loaded = case.load()
    except UserError as reason:
        raise UserError(f"{reason}{_left_over(folder, case.name)}") from None
    except Exception as fault:  # an odd file never stops the others; what the fault says may quote the patient
        kind = type(fault).__name__
        raise UserError(f"unexpected fault in its files ({kind}){_left_over(folder, case.name)}") from None
    files = {image_path(folder, case.name, number): voxels for number, voxels in enumerate(loaded.channels)}
    files[label_path(folder, case.name)] = loaded.labels
    new = [not _is_there(file, voxels, loaded.grid, overwrite=overwrite) for file, voxels in files.items()]
    for (file, voxels), is_new in zip(files.items(), new, strict=True):
        if is_new:
            write_volume(file, voxels, loaded.grid)
    voxel_ml = float(np.prod(loaded.grid.spacing_mm)) / 1000
    volumes = {name: float(np.count_nonzero(loaded.labels == value)) * voxel_ml for name, value in labels.items()}
    return ConvertedCase(loaded.grid, volumes, loaded.notes, loaded.details, any(new))


def _left_over(folder: Path, case: str) -> str:
    """Say that a case that can't be converted now has files of an earlier run, which nnU-Net would take."""
    there = [file for file in (image_path(folder, case), label_path(folder, case)) if file.exists()]
    return "; its files of an earlier run are still there" if len(there) > 1 else ""


def _is_there(file: Path, voxels: NDArray[Any], grid: Grid, *, overwrite: bool) -> bool:
    """Tell whether a volume is there already; refuse another one in its place unless it may be overwritten."""
    if not file.exists():
        return False
    if _holds(file, voxels, grid):
        return True
    if not overwrite:
        raise UserError(f"{file.name} is there and differs from the source: remove it or pass --overwrite")
    return False


def _holds(file: Path, voxels: NDArray[Any], grid: Grid) -> bool:
    try:
        there, place = read_voxels(file), read_grid(file)
    except UserError:
        return False
    return not grid_differences(place, grid, "the source", tolerance=1e-4) and np.array_equal(there, voxels)


def _write_report(
    file: Path,
    cases: Sequence[SourceCase],
    converted: Mapping[str, ConvertedCase],
    problems: Mapping[str, str],
) -> None:
    """Write one row for each case: its grid, its labels' volumes, and what was wrong."""
    details = list(dict.fromkeys(key for case in converted.values() for key in case.details))
    labels = list(dict.fromkeys(label for case in converted.values() for label in case.volumes_ml))
    heading = ["case", "patient", "status", "shape", "spacing_mm", *details, *(f"{label}_ml" for label in labels)]
    with replacing(file) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow([*heading, "notes"])
        for case in cases:
            done = converted.get(case.name)
            if done is None:
                blank = [""] * (len(heading) - 3)
                writer.writerow([case.name, case.patient, "failed", *blank, problems.get(case.name, "")])
                continue
            shape = "x".join(map(str, done.grid.shape))
            spacing = "x".join(f"{step:.5g}" for step in done.grid.spacing_mm)
            row = [case.name, case.patient, "converted", shape, spacing]
            row += [done.details.get(key, "") for key in details]
            row += [f"{done.volumes_ml[label]:.3f}" for label in labels]
            writer.writerow([*row, "; ".join(done.notes)])
