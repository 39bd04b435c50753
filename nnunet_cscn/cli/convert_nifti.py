"""``cscn convert nifti``: a folder whose files follow patterns, into nnU-Net's raw format."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from nnunet_cscn.cli.convert_public import DatasetId, Out, Overwrite, Resample, convert_and_report
from nnunet_cscn.cli.score_options import NumProcesses
from nnunet_cscn.errors import UserError


def nifti(
    source: Annotated[Path, typer.Argument(help="Folder with images and labels: NIfTI, NRRD or MetaImage.")],
    *,
    image: Annotated[
        list[str],
        typer.Option("--image", metavar="NAME=PATTERN", help="A channel, such as T1=images/{case}_T1.nii.gz."),
    ],
    labels: Annotated[
        str | None, typer.Option("--labels", metavar="PATTERN", help="One label map a case; needs --label.")
    ] = None,
    label: Annotated[
        list[str] | None, typer.Option("--label", metavar="NAME=VALUE", help="A label of the label maps, repeatable.")
    ] = None,
    mask: Annotated[
        list[str] | None,
        typer.Option("--mask", metavar="NAME=PATTERN", help="Instead of label maps: a mask for a label, repeatable."),
    ] = None,
    dataset: DatasetId = None,
    name: Annotated[str, typer.Option("--name", help="Name of the data set behind its number.")] = "Converted",
    out: Out = None,
    resample: Resample = False,
    overwrite: Overwrite = False,
    num_processes: NumProcesses = None,
) -> None:
    """Convert a folder of volumes whose files follow patterns.

    Places in braces tell cases apart: a case is called after what stands in
    them, and {patient} keeps cases of one patient in one fold. A channel named
    CT is normalised as CT, any other by z-score.

    Example: cscn convert nifti data --image T1=img/{case}.nii.gz --labels seg/{case}.nii.gz --label GTVp=1
    """
    from nnunet_cscn.conversion.file_patterns import Layout, find_cases
    from nnunet_cscn.conversion.raw_dataset import DatasetDescription

    if dataset is None:
        raise UserError("--dataset-id N: give the data set a number from 1 to 999")
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        raise UserError(f"--name {name}: letters, digits, - and _ are expected")
    if (labels is None) == (not mask) or (labels is None) != (not label):
        raise UserError("give either --labels with one or more --label, or one or more --mask")
    channels, masks = _pairs("--image", image), _pairs("--mask", mask or [])
    values = _values(label or []) if labels is not None else {each: i for i, each in enumerate(masks, start=1)}
    cases = find_cases(source, Layout(channels, values, labels, masks), resample=resample)
    description = DatasetDescription(
        number=dataset,
        name=name,
        title="Converted from a folder of volumes",
        channel_names=tuple(channels),
        labels=(("background", 0), *values.items()),
        licence="",
        reference="",
    )
    convert_and_report(description, cases, out, None, overwrite=overwrite, num_processes=num_processes)


def _pairs(option: str, texts: list[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in texts:
        key, separator, value = text.partition("=")
        if not (key and separator and value) or key in pairs or key == "background":
            raise UserError(f"{option} {text}: expected NAME=..., each name once")
        pairs[key] = value
    return pairs


def _values(texts: list[str]) -> dict[str, int]:
    values: dict[str, int] = {}
    for key, text in _pairs("--label", texts).items():
        if not text.isdecimal() or int(text) != len(values) + 1:
            raise UserError(f"--label {key}={text}: nnU-Net wants the values 1, 2, 3 and so on, in this order")
        values[key] = int(text)
    return values
