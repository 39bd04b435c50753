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
    has_files,
    image_path,
    label_path,
)
from nnunet_cscn.conversion.splits import FOLD_COUNT, SPLITS_FILE, Splits, folds_by_patient, folds_of, write_splits
from nnunet_cscn.errors import UserError
from nnunet_cscn.evaluation.case_pool import OnProgress, each_case
from nnunet_cscn.files import read_json_file, replacing, write_json
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
    n_channels: int = 1,
    overwrite: bool = False,
    workers: int | None = None,
    on_progress: OnProgress | None = None,
) -> tuple[dict[str, ConvertedCase], dict[str, str]]:
    """Write images and labels of every case, a few cases at a time.

    Args:
        cases: The cases.
        folder: The raw data set.
        labels: Value of each label.
        n_channels: How many images a case has.
        overwrite: Replace files that differ from the source, instead of refusing the case.
        workers: Cases at the same time; None for one on each available processor.
        on_progress: Called with the number of finished cases and of all.

    Returns:
        What was converted, by case; and why the others could not be.

    Raises:
        UserError: When two cases have the same name, or the data set holds files of other cases or channels.
    """
    names = [case.name for case in cases]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UserError(
            f"several cases have the same name: {', '.join(twice[:5])}; convert each part of the source separately"
        )
    check_no_other_cases(folder, names, n_channels=n_channels)
    work = {case.name: partial(_convert, case, folder, labels, overwrite) for case in cases}
    return each_case(work, workers=workers, on_progress=on_progress)


def plan_folds(folder: Path, cases: Sequence[SourceCase]) -> Splits | None:
    """Return folds that keep patients together, where patients have several cases; None otherwise, or for one patient.

    Where folds of an earlier run are there, as many are made, so that a data set of few patients can grow.

    Args:
        folder: The raw data set.
        cases: All cases of the source.
    """
    patients = {case.name: case.patient for case in sorted(cases, key=lambda case: case.patient)}
    if len(set(patients.values())) == len(patients):
        return None
    file = folder / SPLITS_FILE
    there = read_json_file(file) if file.exists() else None
    n_folds = len(there) if isinstance(there, list) and len(there) > 1 else FOLD_COUNT
    return folds_by_patient(patients, fold_count=n_folds) or None


def finish_dataset(
    folder: Path,
    description: DatasetDescription,
    cases: Sequence[SourceCase],
    converted: Mapping[str, ConvertedCase],
    problems: Mapping[str, str],
    *,
    folds: Splits | None = None,
) -> None:
    """Write the report, dataset.json, patients.json and the folds.

    Cases that can't be converted now, but whose files of an earlier run are still there, are part of the data set.

    Args:
        folder: The raw data set.
        description: What it is.
        cases: All cases that were tried.
        converted: Those that are there.
        problems: Why the others are not.
        folds: Folds of all cases, of which those that are there are written; None for nnU-Net's own.

    Raises:
        UserError: When other folds are there, on which models may have been trained.
    """
    _write_report(folder / REPORT, cases, converted, problems)
    patients = {case.name: case.patient for case in cases if case.name in converted or has_files(folder, case.name)}
    write_json(folder / "patients.json", patients)
    write_json(folder / "dataset.json", dataset_json(description, case_count=len(patients)))
    if folds:
        kept = folds_of(folds, patients)
        if not all(names for fold in kept for names in fold.values()):  # too few cases are there for all of them
            by_name = dict(sorted(patients.items(), key=lambda pair: pair[1]))
            kept = folds_by_patient(by_name, fold_count=len(folds))
        if kept:
            write_splits(folder / SPLITS_FILE, kept)


def draw_cases(
    folder: Path, cases: Sequence[str], labels: Mapping[str, int], *, on_progress: OnProgress | None = None
) -> None:
    """Draw every case that has no picture that is newer than its files.

    Raises:
        UserError: When one can't be drawn.
    """
    names = {label: (value,) for label, value in labels.items()}
    work = {}
    for case in cases:
        files, target = (image_path(folder, case), label_path(folder, case)), folder / PICTURES / f"{case}.png"
        if not target.exists() or target.stat().st_mtime_ns < max(file.stat().st_mtime_ns for file in files):
            work[case] = partial(draw_labels, *files, target, names=names, title=case)
    _, problems = each_case(work, workers=1, on_progress=on_progress)
    for case, reason in problems.items():
        raise UserError(f"the picture of {case} cannot be drawn: {reason}")


def _convert(case: SourceCase, folder: Path, labels: Mapping[str, int], overwrite: bool) -> ConvertedCase:
    try:
        loaded = case.load()
    except Exception as fault:  # an odd file never stops the others; what its fault says may quote the patient
        reason = (
            str(fault) if isinstance(fault, UserError) else f"unexpected fault in its files ({type(fault).__name__})"
        )
        left_over = "; its files from an earlier run are still in the data set" if has_files(folder, case.name) else ""
        raise UserError(f"{reason}{left_over}") from None
    files = {image_path(folder, case.name, number): voxels for number, voxels in enumerate(loaded.channels)}
    files[label_path(folder, case.name)] = loaded.labels
    new = [not _is_there(file, voxels, loaded.grid, overwrite=overwrite) for file, voxels in files.items()]
    for (file, voxels), is_new in zip(files.items(), new, strict=True):
        if is_new:
            write_volume(file, voxels, loaded.grid)
    voxel_ml = float(np.prod(loaded.grid.spacing_mm)) / 1000
    volumes = {name: float(np.count_nonzero(loaded.labels == value)) * voxel_ml for name, value in labels.items()}
    return ConvertedCase(loaded.grid, volumes, loaded.notes, loaded.details, any(new))


def _is_there(file: Path, voxels: NDArray[Any], grid: Grid, *, overwrite: bool) -> bool:
    """Tell whether a volume is there already; refuse another one in its place unless it may be overwritten."""
    if not file.exists():
        return False
    if _holds(file, voxels, grid):
        return True
    if not overwrite:
        raise UserError(f"{file.name} already exists and differs from the source: delete it or add overwrite=True")
    return False


def _holds(file: Path, voxels: NDArray[Any], grid: Grid) -> bool:
    try:
        there, place = read_voxels(file), read_grid(file)
    except UserError:
        return False
    same_place = not grid_differences(place, grid, "the source", tolerance=1e-4)
    return same_place and np.array_equal(there, voxels, equal_nan=True)


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
