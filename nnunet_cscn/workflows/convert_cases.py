"""Convert cases of any source to a raw data set of nnU-Net; a bad one never stops the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from nnunet_cscn.conversion.converted_case import convert_case
from nnunet_cscn.conversion.dataset_files import finish_dataset, plan_folds
from nnunet_cscn.conversion.raw_dataset import (
    DatasetDescription,
    check_no_other_cases,
    check_number_is_free,
    folder_name,
    image_path,
    label_path,
)
from nnunet_cscn.conversion.report_file import REPORT
from nnunet_cscn.conversion.source_case import SourceCase
from nnunet_cscn.dicom.quiet import quiet
from nnunet_cscn.errors import UserError
from nnunet_cscn.evaluation.case_pool import OnProgress, each_case
from nnunet_cscn.nnunet.folders import is_set, preprocessed_folder, raw_folder
from nnunet_cscn.report.contours import draw_labels
from nnunet_cscn.splits.cross_validation import SPLITS_FILE, Splits, check_same_folds
from nnunet_cscn.temporary import remove_stale
from nnunet_cscn.workflows.conversion_result import ConversionResult
from nnunet_cscn.workflows.progress import OnStepProgress, of_step

PICTURES = "conversion_pictures"


def convert_cases(
    description: DatasetDescription,
    cases: Sequence[SourceCase],
    out: str | Path | None = None,
    *,
    dataset_id: int | None = None,
    folds: Splits | None = None,
    overwrite: bool = False,
    workers: int | None = None,
    on_progress: OnStepProgress | None = None,
) -> ConversionResult:
    """Write images, labels, dataset.json, patients.json, folds, a report and a picture of every case.

    Files that are there and hold the same stay as they are, so that a second run completes a first one.

    Args:
        description: What the data set is.
        cases: Its cases.
        out: The raw folder; None for ``$nnUNet_raw``.
        dataset_id: Another number than the description's.
        folds: Fixed folds of all cases; None for folds that keep patients together where that matters.
        overwrite: Replace files that differ from the source, instead of refusing the case.
        workers: Cases at the same time; None for one on each available processor.
        on_progress: Called with the step, the number of finished cases in it and of all.
            Steps: ``"converting"``, ``"drawing"``.

    Returns:
        The cases that are there, and why the others are not.

    Raises:
        UserError: When the data set can't be written at all: another one has its number, it has other folds or holds
            files of other cases, two cases have the same name, or a picture can't be drawn.
    """
    folder = (raw_folder() if out is None else Path(out)) / folder_name(description, dataset_id)
    check_number_is_free(folder)
    remove_stale(folder, below=True)
    folds = folds if folds is not None else plan_folds(folder, cases)
    if folds is not None:  # refused before anything is written
        _check_folds(folder, folds)
    _check_cases(folder, cases, n_channels=len(description.channel_names))
    labels = dict(description.labels[1:])
    work = {case.name: partial(convert_case, case, folder, labels, overwrite=overwrite) for case in cases}
    with quiet():
        converted, problems = each_case(work, workers=workers, on_progress=of_step(on_progress, "converting"))
        if not converted:
            return ConversionResult(folder, converted, problems)
        finish_dataset(folder, description, cases, converted, problems, folds=folds)
        draw_cases(folder, list(converted), labels, on_progress=of_step(on_progress, "drawing"))
    return ConversionResult(folder, converted, problems, folder / REPORT, folder / PICTURES)


def draw_cases(
    folder: Path,
    cases: Sequence[str],
    labels: Mapping[str, int],
    *,
    on_progress: OnProgress | None = None,
) -> None:
    """Draw every case that has no picture that is newer than its files.

    Args:
        folder: The raw data set.
        cases: Names of its cases.
        labels: Value of each label.
        on_progress: Called with the number of finished pictures, and of all.

    Raises:
        UserError: When one can't be drawn.
    """
    names = {label: (value,) for label, value in labels.items()}
    work = {}
    for case in cases:
        files, target = (image_path(folder, case), label_path(folder, case)), folder / PICTURES / f"{case}.png"
        if not target.exists() or target.stat().st_mtime_ns < max(file.stat().st_mtime_ns for file in files):
            work[case] = partial(draw_labels, *files, target, names=names, title=case)
    if not work:
        return
    _, problems = each_case(work, workers=1, on_progress=on_progress)
    for case, reason in problems.items():
        raise UserError(f"the picture of {case} cannot be drawn: {reason}")


def _check_folds(folder: Path, folds: Splits) -> None:
    """Refuse to replace folds, in the raw folder or, where nnU-Net reads them, in the preprocessed one."""
    for parent in (folder.parent, *([preprocessed_folder()] if is_set("nnUNet_preprocessed") else [])):
        check_same_folds(parent / folder.name / SPLITS_FILE, folds)


def _check_cases(folder: Path, cases: Sequence[SourceCase], *, n_channels: int) -> None:
    """Refuse cases of the same name, and a folder that holds files of others."""
    names = [case.name for case in cases]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UserError(
            f"several cases have the same name: {', '.join(twice[:5])}; convert each part of the source separately"
        )
    check_no_other_cases(folder, names, n_channels=n_channels)
