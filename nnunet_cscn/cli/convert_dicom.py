"""``cscn convert dicom``: a tree of DICOM studies with structure sets into nnU-Net's raw format."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from nnunet_cscn.cli.conversion_result import show_result
from nnunet_cscn.cli.convert_public import OldOut, Out, Overwrite, Resample
from nnunet_cscn.cli.score_options import Workers
from nnunet_cscn.cli.steps import shown_steps
from nnunet_cscn.conversion.dicom_contours import Contours
from nnunet_cscn.dicom.extra import needs_dicom_extra
from nnunet_cscn.errors import ArgumentError


def dicom(
    studies: Annotated[Path, typer.Argument(help="Folder with DICOM files, in any order and depth.")],
    old_out: OldOut = None,
    *,
    dataset_id: Annotated[
        int, typer.Option("--dataset-id", metavar="N", help="Number of the data set, from 1 to 999.")
    ],
    rois: Annotated[
        list[str],
        typer.Option(
            "--roi",
            metavar="[LABEL=]NAME",
            help="A region to segment: a name, a TG-263 name, or a regular expression; repeatable, one label each, "
            "a later one on top.",
        ),
    ],
    name: Annotated[str, typer.Option("--name", help="Name of the data set behind its number.")] = "DICOM",
    modality: Annotated[
        str | None, typer.Option("--modality", help="Take series of this modality alone, such as MR.")
    ] = None,
    merge: Annotated[
        bool, typer.Option("--merge", help="Make one label of several regions that fit, instead of refusing.")
    ] = False,
    contours: Annotated[
        Contours | None,
        typer.Option("--contours", help="Take contours from RTSTRUCT or SEG files alone, where studies have both."),
    ] = None,
    resample: Resample = False,
    overwrite: Overwrite = False,
    keep_ids: Annotated[
        bool, typer.Option("--keep-ids", help="Call cases and patients after their PatientID instead of numbers.")
    ] = False,
    mapping: Annotated[
        Path | None,
        typer.Option(
            "--mapping",
            metavar="FILE",
            help="Write which patient each case is, readable for you alone; cases that it names keep their numbers.",
        ),
    ] = None,
    out: Out = None,
    workers: Workers = None,
) -> None:
    """Convert DICOM series with contours (RTSTRUCT or SEG) to a data set for nnU-Net.

    Series are found by their content, put in order by their geometry and
    written with the values and the grid that they have. Contours are filled
    at voxel centres (even-odd), on the series that they were drawn on: by its
    references, or where these are stale by where the contours lie.

    Cases are numbered; names, ids and dates of patients appear nowhere, unless
    --keep-ids or a --mapping asks for them. Beside the data stand
    patients.json, a report (conversion_report.csv) and a picture of every case.

    Example: cscn convert dicom studies --dataset-id 950 --roi 'GTV.*'
    """
    with needs_dicom_extra():
        from nnunet_cscn.workflows.convert_dicom import convert_dicom

    with shown_steps() as on_progress:
        result = convert_dicom(
            studies,
            out or old_out,
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
    show_result(result, remedy=f"{mapping or '--mapping FILE'} says where they stand")


def _by_label(texts: list[str]) -> dict[str, str]:
    """What each label is made of; a text without a label is its own, as far as letters and digits go."""
    rois: dict[str, str] = {}
    for text in texts:
        label, separator, wanted = text.partition("=")
        if not separator:
            label, wanted = re.sub(r"\W+", "", text), text
        if label in rois:
            raise ArgumentError("rois", f"every label needs a name of its own, LABEL=NAME; got {text}")
        rois[label] = wanted
    return rois
