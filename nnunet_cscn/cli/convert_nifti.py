"""``cscn convert nifti``: a folder whose files follow patterns, into nnU-Net's raw format."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nnunet_cscn.cli.conversion_result import show_result
from nnunet_cscn.cli.convert_public import DatasetId, Out, Overwrite, Resample
from nnunet_cscn.cli.score_options import Workers
from nnunet_cscn.cli.steps import shown_steps
from nnunet_cscn.errors import ArgumentError


def nifti(
    source: Annotated[Path, typer.Argument(help="Folder with images and labels: NIfTI, NRRD or MetaImage.")],
    *,
    images: Annotated[
        list[str],
        typer.Option("--image", metavar="NAME=PATTERN", help="A channel, such as T1=images/{case}_T1.nii.gz."),
    ],
    label_maps: Annotated[
        str | None, typer.Option("--labels", metavar="PATTERN", help="One label map a case; needs --label.")
    ] = None,
    labels: Annotated[
        list[str] | None, typer.Option("--label", metavar="NAME=VALUE", help="A label of the label maps, repeatable.")
    ] = None,
    masks: Annotated[
        list[str] | None,
        typer.Option("--mask", metavar="NAME=PATTERN", help="Instead of label maps: a mask for a label, repeatable."),
    ] = None,
    dataset_id: DatasetId = None,
    name: Annotated[str, typer.Option("--name", help="Name of the data set behind its number.")] = "Converted",
    out: Out = None,
    resample: Resample = False,
    overwrite: Overwrite = False,
    workers: Workers = None,
) -> None:
    """Convert a folder of volumes whose files follow patterns.

    Places in braces tell cases apart: a case is called after what stands in
    them, and {patient} keeps cases of one patient in one fold. A channel named
    CT is normalised as CT, any other by z-score.

    Example: cscn convert nifti data --image T1=img/{case}.nii.gz --labels seg/{case}.nii.gz --label GTVp=1
    """
    from nnunet_cscn.workflows.convert_nifti import convert_nifti

    if dataset_id is None:
        raise ArgumentError("dataset_id", "give the data set a number from 1 to 999")
    with shown_steps() as on_progress:
        result = convert_nifti(
            source,
            out,
            dataset_id=dataset_id,
            images=_pairs("images", images),
            label_maps=label_maps,
            labels=_values(labels or []),
            masks=_pairs("masks", masks or []),
            name=name,
            resample=resample,
            overwrite=overwrite,
            workers=workers,
            on_progress=on_progress,
        )
    show_result(result)


def _pairs(argument: str, texts: list[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in texts:
        key, separator, value = text.partition("=")
        if not (key and separator and value) or key in pairs:
            raise ArgumentError(argument, f"expected NAME=..., each name once; got {text}")
        pairs[key] = value
    return pairs


def _values(texts: list[str]) -> dict[str, int]:
    values: dict[str, int] = {}
    for key, text in _pairs("labels", texts).items():
        if not text.isdecimal():
            raise ArgumentError("labels", f"expected NAME=VALUE with a whole number; got {key}={text}")
        values[key] = int(text)
    return values
