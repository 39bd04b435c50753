"""``cscn convert NAME``: convert data to nnU-Net's raw format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from nnunet_cscn.cli.convert_dicom import dicom
from nnunet_cscn.cli.convert_nifti import nifti
from nnunet_cscn.cli.convert_public import (
    DatasetId,
    Overwrite,
    convert_public,
    hecktor,
    hnts_mrg,
    lgg,
    npc277,
    segrap,
)
from nnunet_cscn.cli.old_option_names import accept_old_option_names
from nnunet_cscn.cli.out_options import Out
from nnunet_cscn.cli.plain_usage import PlainUsageCommand
from nnunet_cscn.cli.score_options import Workers
from nnunet_cscn.conversion.hippocampus import HIPPOCAMPUS
from nnunet_cscn.conversion.raw_dataset import DatasetDescription
from nnunet_cscn.conversion.sts import STS

Source = Annotated[
    Path, typer.Argument(metavar="SOURCE", help="Folder with images/ and labels/. File names must match.")
]


def paired_converter(name: str, description: DatasetDescription) -> Callable[..., None]:
    """Return the command ``cscn convert NAME`` for a data set with an image folder and a label folder."""

    def command(
        source: Source,
        out: Out = None,
        dataset_id: DatasetId = None,
        overwrite: Overwrite = False,
        workers: Workers = None,
    ) -> None:
        convert_public(name, source, out, dataset_id=dataset_id, overwrite=overwrite, workers=workers)

    command.__doc__ = (
        f"Convert to Dataset{description.number:03d}_{description.name}, with five fixed folds.\n\n"
        f"{description.title}. {description.licence}; {description.reference}\n\n"
        f"Example: cscn convert {name} downloads/{name}"
    )
    return command


def standalone(command: Callable[..., None]) -> typer.Typer:
    """Return an app with one command, for the scripts in ``dataset_conversion``."""
    alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    alone.command()(command)
    return alone


sts = paired_converter("sts", STS)
hippocampus = paired_converter("hippocampus", HIPPOCAMPUS)

convert_app = typer.Typer(help="Convert images and labels to nnU-Net's raw format.", no_args_is_help=True)
convert_app.command("dicom", cls=PlainUsageCommand, context_settings=accept_old_option_names(dataset="dataset-id"))(
    dicom
)
convert_app.command("hecktor")(hecktor)
convert_app.command("hnts-mrg")(hnts_mrg)
convert_app.command("lgg")(lgg)
convert_app.command("nifti")(nifti)
convert_app.command("npc277")(npc277)
convert_app.command("segrap")(segrap)
convert_app.command("sts")(sts)
convert_app.command("hippocampus")(hippocampus)
