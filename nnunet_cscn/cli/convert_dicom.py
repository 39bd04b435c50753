"""``cscn convert dicom``: convert DICOM studies with contours to nnU-Net's raw format."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from nnunet_cscn.cli.conversion_result import show_result
from nnunet_cscn.cli.convert_public import Overwrite, Resample
from nnunet_cscn.cli.out_options import OldOut, Out, chosen_out
from nnunet_cscn.cli.score_options import Workers
from nnunet_cscn.cli.steps import step_progress
from nnunet_cscn.conversion.dicom_contours import Contours
from nnunet_cscn.dicom.extra import needs_dicom_extra
from nnunet_cscn.errors import ArgumentError


def dicom(
    studies: Annotated[Path, typer.Argument(help="Folder with DICOM files. Subfolders are searched too.")],
    old_out: OldOut = None,
    *,
    dataset_id: Annotated[int, typer.Option("--dataset-id", metavar="N", help="Data set number, from 1 to 999.")],
    rois: Annotated[
        list[str],
        typer.Option(
            "--roi",
            metavar="[LABEL=]NAME",
            help="Region of interest (ROI) to segment: ROI name, TG-263 name or regular expression. Repeat for "
            "several: each --roi makes one label. Where labels overlap, the later one wins.",
        ),
    ],
    name: Annotated[str, typer.Option("--name", help="Name after the data set number.")] = "DICOM",
    modality: Annotated[
        str | None, typer.Option("--modality", help="Use only series of this modality, such as MR.")
    ] = None,
    merge: Annotated[
        bool, typer.Option("--merge", help="If several ROIs match, merge them into one label instead of stopping.")
    ] = False,
    contours: Annotated[
        Contours | None,
        typer.Option("--contours", help="If studies have both RTSTRUCT and SEG files, use only this type."),
    ] = None,
    resample: Resample = False,
    overwrite: Overwrite = False,
    keep_ids: Annotated[
        bool, typer.Option("--keep-ids", help="Name cases and patients by PatientID instead of numbers.")
    ] = False,
    mapping: Annotated[
        Path | None,
        typer.Option(
            "--mapping",
            metavar="FILE",
            help="Write the patient of each case to this file, readable only by you. Known cases keep their numbers.",
        ),
    ] = None,
    out: Out = None,
    workers: Workers = None,
) -> None:
    """Convert DICOM series with contours (RTSTRUCT or SEG) to an nnU-Net data set.

    The command finds series by the content of the files and sorts slices by
    geometry. Voxel values and grid do not change. It fills contours at voxel
    centres (even-odd rule) on the series on which they were drawn. It finds
    this series by its DICOM reference. If the reference is outdated, it uses
    the position of the contours.

    Cases are numbered. Patient names, IDs and dates are not written, unless you
    use --keep-ids or --mapping. The command also writes patients.json, a report
    (conversion_report.csv) and a picture of every case.

    Example: cscn convert dicom studies --dataset-id 950 --roi 'GTV.*'
    """
    with needs_dicom_extra():
        from nnunet_cscn.workflows.convert_dicom import convert_dicom

    with step_progress() as on_progress:
        result = convert_dicom(
            studies,
            chosen_out(out, old_out),
            dataset_id=dataset_id,
            rois=_by_label(rois),
            name=name,
            modality=modality,
            merge=merge,
            contours=contours,
            resample=resample,
            overwrite=overwrite,
            keep_ids=keep_ids,
            mapping=mapping,
            workers=workers,
            on_progress=on_progress,
        )
    show_result(result, remedy=f"see {mapping or '--mapping FILE'} for the patient of each case")


def _by_label(texts: list[str]) -> dict[str, str]:
    """Return the ROI pattern of each label.

    Without ``LABEL=``, the letters and digits of the pattern form the label name.
    """
    rois: dict[str, str] = {}
    for text in texts:
        label, separator, wanted = text.partition("=")
        if not separator:
            label, wanted = re.sub(r"\W+", "", text), text
        if label in rois:
            raise ArgumentError("rois", f"each label needs a different name, such as LABEL=NAME; got {text}")
        rois[label] = wanted
    return rois
