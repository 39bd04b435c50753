"""``cscn convert`` for public data sets that are no pair of folders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nnunet_cscn.cli.app import progress_bar
from nnunet_cscn.cli.conversion_result import show_result
from nnunet_cscn.cli.score_options import NumProcesses
from nnunet_cscn.conversion.hnts_mrg_task import Task
from nnunet_cscn.conversion.npc277_mode import Mode
from nnunet_cscn.dicom.quiet import quiet
from nnunet_cscn.errors import UserError
from nnunet_cscn.nnunet.folders import is_set, preprocessed_folder, raw_folder

if TYPE_CHECKING:
    from nnunet_cscn.conversion.pipeline import SourceCase
    from nnunet_cscn.conversion.raw_dataset import DatasetDescription
    from nnunet_cscn.conversion.splits import Splits

Source = Annotated[Path, typer.Argument(metavar="SOURCE", help="The unpacked download.")]
Out = Annotated[Path | None, typer.Option("--out", metavar="FOLDER", help="Raw folder to write into, not $nnUNet_raw.")]
DatasetId = Annotated[int | None, typer.Option("--dataset-id", metavar="N", help="Another number for the data set.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace files that differ from the source.")]
Resample = Annotated[bool, typer.Option("--resample", help="Bring volumes on other grids onto the image's.")]


def hnts_mrg(
    source: Source,
    *,
    task: Annotated[
        Task, typer.Option(help="Before radiotherapy, in its middle, or that with what was known before.")
    ] = "pre",
    out: Out = None,
    dataset_id: DatasetId = None,
    resample: Resample = False,
    overwrite: Overwrite = False,
    num_processes: NumProcesses = None,
) -> None:
    """Convert HNTS-MRG 2024 (T2 MR of head and neck, GTVp and GTVn).

    150 patients, doi 10.5281/zenodo.11199559, CC BY-NC 4.0. Empty masks in the
    middle of radiotherapy are kept: those tumours are gone.

    Example: cscn convert hnts-mrg HNTSMRG24_train --task mid-priors
    """
    from nnunet_cscn.conversion.hnts_mrg import description, find_cases

    cases = find_cases(source, task, resample=resample)
    convert_and_report(description(task), cases, out, dataset_id, overwrite=overwrite, num_processes=num_processes)


def npc277(
    source: Source,
    *,
    mode: Annotated[
        Mode, typer.Option(help="One sequence; all three as channels on CE-T1's grid; or every scan as a case.")
    ] = "CE-T1",
    out: Out = None,
    dataset_id: DatasetId = None,
    resample: Resample = False,
    overwrite: Overwrite = False,
    num_processes: NumProcesses = None,
) -> None:
    """Convert NPC-277 (three MR sequences of nasopharyngeal carcinoma, GTVp).

    277 patients, doi 10.1038/s41597-025-05815-x, CC BY 4.0. Masks are brought
    onto their series by where their voxels lie, not by the order of arrays.
    With every scan as a case, the folds keep patients together.

    Example: cscn convert npc277 primary_data/data --mode CE-T1
    """
    try:
        from nnunet_cscn.conversion.npc277 import description, find_cases
    except ImportError:
        raise UserError("DICOM needs further packages: pip install 'nnunet-cscn[dicom]'") from None

    cases = find_cases(source, mode, resample=resample)
    convert_and_report(description(mode), cases, out, dataset_id, overwrite=overwrite, num_processes=num_processes)


def segrap(
    source: Source,
    *,
    out: Out = None,
    dataset_id: DatasetId = None,
    resample: Resample = False,
    overwrite: Overwrite = False,
    num_processes: NumProcesses = None,
) -> None:
    """Convert SegRap 2023 or 2025 (planning CT of NPC, plain and with contrast).

    Labels GTVp and GTVnd from the masks of each case's folder (0 and 1 or 255),
    or from the label maps of a folder Task002.

    Example: cscn convert segrap SegRap2023_Training_Set_120cases
    """
    from nnunet_cscn.conversion.segrap import SEGRAP, find_cases

    cases = find_cases(source, resample=resample)
    convert_and_report(SEGRAP, cases, out, dataset_id, overwrite=overwrite, num_processes=num_processes)


def hecktor(
    source: Source,
    *,
    out: Out = None,
    dataset_id: DatasetId = None,
    overwrite: Overwrite = False,
    num_processes: NumProcesses = None,
) -> None:
    """Convert HECKTOR 2022 or 2025 (PET/CT of head and neck, GTVp and GTVn).

    PET is resampled onto CT (linear), as the two never share a grid; the
    report says of which cases.

    Example: cscn convert hecktor 'hecktor2025/Task 1'
    """
    from nnunet_cscn.conversion.hecktor import HECKTOR, find_cases

    convert_and_report(HECKTOR, find_cases(source), out, dataset_id, overwrite=overwrite, num_processes=num_processes)


def lgg(
    source: Source,
    *,
    out: Out = None,
    dataset_id: DatasetId = None,
    overwrite: Overwrite = False,
    num_processes: NumProcesses = None,
) -> None:
    """Convert the MR of lower-grade glioma of Buda et al., with five fixed folds.

    SOURCE is Kaggle's "LGG Segmentation Dataset" (kaggle_3m or a folder above
    it), or a folder with images/CASE_0000.nii.gz to CASE_0002.nii.gz
    (pre-contrast, FLAIR, post-contrast) and labels/CASE.nii.gz. CC BY-NC-SA
    4.0, doi 10.1016/j.compbiomed.2019.05.002.

    The download has no spacing. It is nominal here (slices of 2x2 mm pixels,
    140 mm high together), so millimetres and millilitres mean nothing.

    Example: cscn convert lgg downloads/kaggle_3m
    """
    from nnunet_cscn.conversion.lgg import LGG, find_cases
    from nnunet_cscn.conversion.splits import fixed_folds

    cases = find_cases(source)
    convert_and_report(
        LGG,
        cases,
        out,
        dataset_id,
        overwrite=overwrite,
        num_processes=num_processes,
        folds=fixed_folds([case.name for case in cases]),
    )


def convert_and_report(
    description: DatasetDescription,
    cases: Sequence[SourceCase],
    out: Path | None,
    dataset_id: int | None,
    *,
    overwrite: bool,
    num_processes: int | None,
    folds: Splits | None = None,
    remedy: str = "mend them and run the command again",
) -> None:
    """Convert cases with a progress bar, and say how it went.

    Args:
        description: The data set.
        cases: Its cases.
        out: The raw folder; None for nnU-Net's.
        dataset_id: Another number than the description's.
        overwrite: Replace files that differ from the source.
        num_processes: Cases at the same time.
        folds: Fixed folds of all cases.
        remedy: What to do about cases that can't be converted.

    Raises:
        UserError: When a case can't be converted; all of them are listed, and the others are there.
    """
    from nnunet_cscn.conversion.pipeline import convert_cases, draw_cases, finish_dataset, plan_folds
    from nnunet_cscn.conversion.raw_dataset import check_number_is_free, folder_name
    from nnunet_cscn.conversion.splits import SPLITS_FILE, check_splits

    folder = (raw_folder() if out is None else out) / folder_name(description, dataset_id)
    check_number_is_free(folder)
    folds = folds if folds is not None else plan_folds(folder, cases)
    if folds is not None:  # refused before anything is written
        for parent in (folder.parent, *([preprocessed_folder()] if is_set("nnUNet_preprocessed") else [])):
            check_splits(parent / folder.name / SPLITS_FILE, folds)
    labels = dict(description.labels[1:])
    with quiet(), progress_bar() as progress:
        task = progress.add_task("converting", total=None)

        def report(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total, visible=True)

        converted, problems = convert_cases(
            cases,
            folder,
            labels,
            n_channels=len(description.channel_names),
            overwrite=overwrite,
            num_processes=num_processes,
            on_progress=report,
        )
        if converted:
            finish_dataset(folder, description, cases, converted, problems, folds=folds)
            task = progress.add_task("drawing", total=None, visible=False)
            draw_cases(folder, list(converted), labels, on_progress=report)
    show_result(folder, converted, problems, remedy=remedy)
