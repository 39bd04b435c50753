"""``cscn convert nifti``: convert a folder with file name patterns to nnU-Net's raw format."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nnunet_cscn.cli.conversion_result import show_result
from nnunet_cscn.cli.convert_public import Overwrite, Resample
from nnunet_cscn.cli.out_options import Out
from nnunet_cscn.cli.score_options import Workers
from nnunet_cscn.cli.steps import step_progress
from nnunet_cscn.errors import ArgumentError


def nifti(
    source: Annotated[Path, typer.Argument(help="Folder with images and labels (NIfTI, NRRD, MetaImage or GIPL).")],
    *,
    images: Annotated[
        list[str],
        typer.Option(
            "--image", metavar="NAME=PATTERN", help="Channel, such as T1=images/{case}_T1.nii.gz. Repeat for several."
        ),
    ],
    dataset_id: Annotated[int, typer.Option("--dataset-id", metavar="N", help="Data set number, from 1 to 999.")],
    label_maps: Annotated[
        str | None, typer.Option("--labels", metavar="PATTERN", help="Label maps, one per case. Requires --label.")
    ] = None,
    labels: Annotated[
        list[str] | None,
        typer.Option(
            "--label",
            metavar="NAME=VALUE",
            help="Label and its value in the label maps, such as GTVp=1 or LV=205. In the data set, labels get the "
            "values 1, 2, 3 and so on, in this order. Repeat for several.",
        ),
    ] = None,
    masks: Annotated[
        list[str] | None,
        typer.Option(
            "--mask", metavar="NAME=PATTERN", help="Binary mask of one label, instead of --labels. Repeat for several."
        ),
    ] = None,
    optional: Annotated[
        list[str] | None,
        typer.Option(
            "--optional", metavar="LABEL", help="Label whose mask file may be missing in a case. Repeat for several."
        ),
    ] = None,
    name: Annotated[str, typer.Option("--name", help="Name after the data set number.")] = "Converted",
    out: Out = None,
    resample: Resample = False,
    nan: Annotated[
        float | None,
        typer.Option(
            "--nan",
            metavar="VALUE",
            help="Replace NaN and infinity in images by this value, and in label maps and masks by the background.",
        ),
    ] = None,
    overwrite: Overwrite = False,
    workers: Workers = None,
) -> None:
    """Convert a folder of volumes with file name patterns.

    The placeholders in braces form the case name. With {patient}, all cases of
    one patient stay in the same fold. A channel named CT gets CT normalisation;
    all other channels get z-score normalisation.

    Grids that agree to 0.01 mm are one grid, whatever the order of the axes.
    Axes sheared by up to 0.1 degrees are read as the nearest perpendicular ones.
    Label values within 0.001 of whole numbers are rounded. Masks have two
    values. If masks overlap, the later one is on top; a label that is completely
    covered is refused. The report names all that was changed.

    Example: cscn convert nifti data --image T1={case}_T1.nii.gz --mask GTVp={case}_GTV.nii.gz --dataset-id 960
    """
    from nnunet_cscn.workflows.convert_nifti import convert_nifti

    with step_progress() as on_progress:
        result = convert_nifti(
            source,
            out,
            dataset_id=dataset_id,
            images=_pairs("images", images),
            label_maps=label_maps,
            labels=_values(labels or []),
            masks=_pairs("masks", masks or []),
            optional=tuple(optional or ()),
            name=name,
            resample=resample,
            nan=nan,
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
            raise ArgumentError(argument, f"expected NAME=..., with each name only once; got {text}")
        pairs[key] = value
    return pairs


def _values(texts: list[str]) -> dict[str, int]:
    values: dict[str, int] = {}
    for key, text in _pairs("labels", texts).items():
        try:
            values[key] = int(text)
        except ValueError:
            raise ArgumentError("labels", f"expected NAME=VALUE with an integer; got {key}={text}") from None
    return values
