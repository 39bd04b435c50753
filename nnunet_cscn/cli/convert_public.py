"""``cscn convert`` for public data sets with a folder structure of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nnunet_cscn.cli.conversion_result import show_result
from nnunet_cscn.cli.out_options import Out
from nnunet_cscn.cli.score_options import Workers
from nnunet_cscn.cli.steps import step_progress
from nnunet_cscn.conversion.hnts_mrg_task import Task
from nnunet_cscn.conversion.npc277_mode import Mode

Source = Annotated[Path, typer.Argument(metavar="SOURCE", help="Folder of the unpacked download.")]
DatasetId = Annotated[
    int | None,
    typer.Option("--dataset-id", metavar="N", help="Data set number, from 1 to 999, instead of the usual one."),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace existing files that differ from the source.")]
Resample = Annotated[
    bool, typer.Option("--resample", help="Resample volumes with a different grid onto the grid of the image.")
]


def hnts_mrg(
    source: Source,
    *,
    variant: Annotated[
        Task,
        typer.Option(
            "--task",
            help="pre: pre-RT scans; mid: mid-RT scans; mid-priors: mid-RT with the registered pre-RT image and "
            "contours.",
        ),
    ] = "pre",
    out: Out = None,
    dataset_id: DatasetId = None,
    resample: Resample = False,
    overwrite: Overwrite = False,
    workers: Workers = None,
) -> None:
    """Convert HNTS-MRG 2024 (T2 MR of head and neck, GTVp and GTVn).

    150 patients, doi 10.5281/zenodo.11199559, CC BY-NC 4.0. Empty mid-RT masks
    are kept: these tumours responded completely.

    Example: cscn convert hnts-mrg HNTSMRG24_train --task mid-priors
    """
    convert_public(
        "hnts-mrg",
        source,
        out,
        dataset_id=dataset_id,
        variant=variant,
        resample=resample,
        overwrite=overwrite,
        workers=workers,
    )


def npc277(
    source: Source,
    *,
    variant: Annotated[
        Mode,
        typer.Option("--mode", help="One sequence; all three as channels on the CE-T1 grid; or each scan as a case."),
    ] = "CE-T1",
    out: Out = None,
    dataset_id: DatasetId = None,
    resample: Resample = False,
    overwrite: Overwrite = False,
    workers: Workers = None,
) -> None:
    """Convert NPC-277 (three MR sequences of nasopharyngeal carcinoma, GTVp).

    277 patients, doi 10.1038/s41597-025-05815-x, CC BY 4.0. Masks are matched to
    their series by voxel position in the patient, not by array order. If each
    scan is a case, all cases of one patient stay in the same fold.

    Example: cscn convert npc277 primary_data/data --mode CE-T1
    """
    convert_public(
        "npc277",
        source,
        out,
        dataset_id=dataset_id,
        variant=variant,
        resample=resample,
        overwrite=overwrite,
        workers=workers,
    )


def segrap(
    source: Source,
    *,
    out: Out = None,
    dataset_id: DatasetId = None,
    resample: Resample = False,
    overwrite: Overwrite = False,
    workers: Workers = None,
) -> None:
    """Convert SegRap 2023 or 2025 (planning CT of NPC, without and with contrast).

    The labels are GTVp and GTVnd. They come from the masks in each case folder
    (0 and 1 or 255) or from the label maps in a folder Task002.

    Example: cscn convert segrap SegRap2023_Training_Set_120cases
    """
    convert_public(
        "segrap",
        source,
        out,
        dataset_id=dataset_id,
        resample=resample,
        overwrite=overwrite,
        workers=workers,
    )


def hecktor(
    source: Source,
    *,
    out: Out = None,
    dataset_id: DatasetId = None,
    overwrite: Overwrite = False,
    workers: Workers = None,
) -> None:
    """Convert HECKTOR 2022 or 2025 (PET/CT of head and neck, GTVp and GTVn).

    PET and CT have different grids, so PET is resampled onto CT (linear
    interpolation). The report lists the resampled cases.

    Example: cscn convert hecktor 'hecktor2025/Task 1'
    """
    convert_public(
        "hecktor",
        source,
        out,
        dataset_id=dataset_id,
        overwrite=overwrite,
        workers=workers,
    )


def lgg(
    source: Source,
    *,
    out: Out = None,
    dataset_id: DatasetId = None,
    overwrite: Overwrite = False,
    workers: Workers = None,
) -> None:
    """Convert the lower-grade glioma MR data of Buda et al., with five fixed folds.

    SOURCE is Kaggle's "LGG Segmentation Dataset" (kaggle_3m or a folder above
    it), or a folder with images/CASE_0000.nii.gz to CASE_0002.nii.gz
    (pre-contrast, FLAIR, post-contrast) and labels/CASE.nii.gz. CC BY-NC-SA
    4.0, doi 10.1016/j.compbiomed.2019.05.002.

    The download has no voxel spacing. A nominal spacing is used (pixels of
    2x2 mm, total height 140 mm), so values in mm and ml have no meaning.

    Example: cscn convert lgg downloads/kaggle_3m
    """
    convert_public(
        "lgg",
        source,
        out,
        dataset_id=dataset_id,
        overwrite=overwrite,
        workers=workers,
    )


def convert_public(
    name: str,
    source: Path,
    out: Path | None,
    *,
    dataset_id: int | None,
    variant: str | None = None,
    resample: bool = False,
    overwrite: bool,
    workers: int | None,
) -> None:
    """Convert a public data set with a progress bar and print the result.

    Args:
        name: Name of the data set.
        source: Folder of the download.
        out: The raw folder. None for ``$nnUNet_raw``.
        dataset_id: Number of the data set. None for the default number.
        variant: The variant of the data set, see ``convert_dataset``.
        resample: Resample volumes with other grids onto the grid of the image.
        overwrite: Replace existing files that differ from the source.
        workers: Number of cases at the same time.

    Raises:
        UserError: When cases cannot be converted. The message lists them. All other cases are converted.
    """
    from nnunet_cscn.workflows.convert_dataset import convert_dataset

    with step_progress() as on_progress:
        result = convert_dataset(
            name,
            source,
            out,
            variant=variant,
            dataset_id=dataset_id,
            resample=resample,
            overwrite=overwrite,
            workers=workers,
            on_progress=on_progress,
        )
    show_result(result)
