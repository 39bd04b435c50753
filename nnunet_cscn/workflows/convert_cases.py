"""Convert cases of any source to a raw data set of nnU-Net. If one case fails, the others continue."""

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
from nnunet_cscn.evaluation.case_pool import OnProgress, process_cases
from nnunet_cscn.nnunet.folders import is_set, preprocessed_folder, raw_folder
from nnunet_cscn.report.contours import draw_labels
from nnunet_cscn.splits.cross_validation import SPLITS_FILE, Splits, check_same_folds
from nnunet_cscn.temporary import remove_stale
from nnunet_cscn.workflows.conversion_result import ConversionResult
from nnunet_cscn.workflows.progress import OnStepProgress, for_step

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

    Existing files with the same content are not changed. So a second call completes an interrupted one.

    Args:
        description: Description of the data set.
        cases: The cases to convert.
        out: The raw folder. None for ``$nnUNet_raw``.
        dataset_id: Number of the data set. None for the number in the description.
        folds: Fixed folds of all cases. None for folds that keep all cases of a patient together, if patients have
            several cases.
        overwrite: Replace existing files that differ from the source. Otherwise such a case is an error.
        workers: Number of cases at the same time. None for one per available processor.
        on_progress: Called with the step, the number of finished cases of this step and of all cases. Steps:
            ``"converting"``, ``"drawing"``.

    Returns:
        The converted cases, and for each other case the reason.

    Raises:
        UserError: When the data set cannot be written: its number is used by another data set, it already has different
            folds or files of other cases, two cases have the same name, or a picture cannot be drawn.
    """
    folder = (raw_folder() if out is None else Path(out)) / folder_name(description, dataset_id)
    check_number_is_free(folder)
    remove_stale(folder, below=True)
    folds = folds if folds is not None else plan_folds(folder, cases)
    if folds is not None:  # raise errors before anything is written
        _check_folds(folder, folds)
    _check_cases(folder, cases, n_channels=len(description.channel_names))
    labels = dict(description.labels[1:])
    work = {case.name: partial(convert_case, case, folder, labels, overwrite=overwrite) for case in cases}
    with quiet():
        converted, problems = process_cases(work, workers=workers, on_progress=for_step(on_progress, "converting"))
        if not converted:
            return ConversionResult(folder, converted, problems)
        finish_dataset(folder, description, cases, converted, problems, folds=folds)
        draw_cases(folder, list(converted), labels, on_progress=for_step(on_progress, "drawing"))
    return ConversionResult(folder, converted, problems, folder / REPORT, folder / PICTURES)


def draw_cases(
    folder: Path,
    cases: Sequence[str],
    labels: Mapping[str, int],
    *,
    on_progress: OnProgress | None = None,
) -> None:
    """Draw every case without a picture, or with a picture that is older than the files of the case.

    Args:
        folder: The raw data set.
        cases: Names of the cases.
        labels: Value of each label.
        on_progress: Called with the number of finished pictures and of all pictures.

    Raises:
        UserError: When a picture cannot be drawn.
    """
    names = {label: (value,) for label, value in labels.items()}
    work = {}
    for case in cases:
        files, target = (image_path(folder, case), label_path(folder, case)), folder / PICTURES / f"{case}.png"
        if not target.exists() or target.stat().st_mtime_ns < max(file.stat().st_mtime_ns for file in files):
            work[case] = partial(draw_labels, *files, target, names=names, title=case)
    if not work:
        return
    _, problems = process_cases(work, workers=1, on_progress=on_progress)
    for case, reason in problems.items():
        raise UserError(f"the picture of {case} cannot be drawn: {reason}")


def _check_folds(folder: Path, folds: Splits) -> None:
    """Raise an error if the raw folder or the preprocessed folder (for nnU-Net) contains different folds."""
    for parent in (folder.parent, *([preprocessed_folder()] if is_set("nnUNet_preprocessed") else [])):
        check_same_folds(parent / folder.name / SPLITS_FILE, folds)


def _check_cases(folder: Path, cases: Sequence[SourceCase], *, n_channels: int) -> None:
    """Raise an error if two cases have the same name, or the folder contains files of other cases."""
    names = [case.name for case in cases]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UserError(
            f"several cases have the same name: {', '.join(twice[:5])}; convert each part of the source separately"
        )
    check_no_other_cases(folder, names, n_channels=n_channels)
