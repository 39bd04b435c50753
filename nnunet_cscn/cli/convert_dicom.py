"""``cscn convert dicom``: convert DICOM studies with contours to nnU-Net's raw format."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from nnunet_cscn.cli.conversion_result import show_result
from nnunet_cscn.cli.convert_public import Overwrite
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
    optional: Annotated[
        list[str] | None,
        typer.Option(
            "--optional",
            metavar="[LABEL=]NAME",
            help="As --roi, but a patient may lack this region: absent, or listed without contours. Its label comes "
            "after those of --roi. To make a label of --roi optional, give the label.",
        ),
    ] = None,
    name: Annotated[str, typer.Option("--name", help="Name after the data set number.")] = "DICOM",
    modality: Annotated[
        str | None, typer.Option("--modality", help="Use only series of this modality, such as MR.")
    ] = None,
    series: Annotated[
        str | None,
        typer.Option(
            "--series",
            metavar="PATTERN",
            help="Use only series that fit this regular expression: their description, protocol or sequence name, or "
            "what separates the volumes of one series, such as 'phase 2 of 5'.",
        ),
    ] = None,
    merge: Annotated[
        bool, typer.Option("--merge", help="If several ROIs match, merge them into one label instead of stopping.")
    ] = False,
    contours: Annotated[
        Contours | None,
        typer.Option("--contours", help="If studies have both RTSTRUCT and SEG files, use only this type."),
    ] = None,
    resample: Annotated[
        bool,
        typer.Option(
            "--resample",
            help="Resample segments on another grid to the images. With --modality, also bring regions onto the "
            "series of that modality that has the same frame of reference.",
        ),
    ] = False,
    interpolate: Annotated[
        bool,
        typer.Option("--interpolate", help="Fill slices without a contour by the shape of the contours around them."),
    ] = False,
    allow_loss: Annotated[
        bool,
        typer.Option("--allow-loss", help="Convert a case even if a part of a region cannot be used."),
    ] = False,
    channels: Annotated[
        list[str] | None,
        typer.Option(
            "--channel",
            metavar="NAME=PATTERN",
            help="Convert several series of each study: a channel name and a regular expression for the series, "
            "searched for in description, protocol and sequence name, in upper or lower case. Repeat for each channel.",
        ),
    ] = None,
    optional_channels: Annotated[
        list[str] | None,
        typer.Option("--optional-channel", metavar="NAME", help="A channel that may be missing: filled with zeros."),
    ] = None,
    reference: Annotated[
        str,
        typer.Option(
            "--reference", metavar="NAME", help="Channel whose grid counts.", show_default="the contoured series"
        ),
    ] = "",
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
    the position of the contours. All files with contours of one series become
    one case. If several files hold the same region, the approved one is used,
    or else the newest. The report names every contour that is not used. If more
    than 1 % of a region would be lost, the case is refused.

    With --channel, a case has several channels. The grid is that of the contoured
    series, unless you give --reference. Series of the same frame of reference are
    resampled onto it. The patterns are stored in dataset.json, so that
    cscn predict-dicom finds the same channels. The report names the series of
    each channel: check these descriptions before you share it.

    Cases are numbered. Patient names, IDs and dates are not written, unless you
    use --keep-ids or --mapping. The command also writes patients.json, a report
    (conversion_report.csv) and a picture of every case.

    Example: cscn convert dicom studies --dataset-id 950 --roi 'GTV.*'

    Example: cscn convert dicom studies --dataset-id 950 --roi GTVp --optional GTVn

    Example: cscn convert dicom studies --dataset-id 951 --roi GTVp --interpolate

    Example: cscn convert dicom studies --dataset-id 952 --roi GTVp --channel T1='t1(?!.*ce)' --channel T1C='t1.*ce'
    """
    with needs_dicom_extra():
        from nnunet_cscn.workflows.convert_dicom import convert_dicom

    labels = _by_label(rois)
    optional_labels = [_add_optional(text, labels) for text in optional or ()]
    with step_progress() as on_progress:
        result = convert_dicom(
            studies,
            chosen_out(out, old_out),
            dataset_id=dataset_id,
            rois=labels,
            optional=optional_labels,
            name=name,
            modality=modality,
            series=series,
            merge=merge,
            contours=contours,
            resample=resample,
            interpolate=interpolate,
            allow_loss=allow_loss,
            channels=_by_channel(channels or []),
            optional_channels=optional_channels or (),
            reference=reference,
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
        label, wanted = _label_and_roi(text)
        if label in rois:
            raise ArgumentError("rois", f"each label needs a different name, such as LABEL=NAME; got {text}")
        rois[label] = wanted
    return rois


def _by_channel(texts: list[str]) -> dict[str, str]:
    """The pattern of each channel."""
    channels: dict[str, str] = {}
    for text in texts:
        name, _, pattern = text.partition("=")
        if name in channels or not pattern:
            raise ArgumentError("channels", f"expected NAME=PATTERN with a different name for each channel, got {text}")
        channels[name] = pattern
    return channels


def _add_optional(text: str, rois: dict[str, str]) -> str:
    """The label that may be absent; it is added unless it is there already."""
    label, wanted = _label_and_roi(text)
    if "=" in text and label in rois:
        raise ArgumentError("optional", f"the label {label} is already made of {rois[label]}; got {text}")
    rois.setdefault(label, wanted)
    return label


def _label_and_roi(text: str) -> tuple[str, str]:
    """A label and its region; a text without a label is its own, as far as letters and digits go."""
    label, separator, wanted = text.partition("=")
    return (label, wanted) if separator else (re.sub(r"\W+", "", text), text)
