"""``cscn convert NAME``: public data sets into nnU-Net's raw format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from nnunet_cscn.cli.app import console, progress_bar
from nnunet_cscn.cli.convert_dicom import dicom
from nnunet_cscn.cli.convert_nifti import nifti
from nnunet_cscn.cli.convert_public import hecktor, hnts_mrg, npc277, segrap
from nnunet_cscn.conversion.hippocampus import HIPPOCAMPUS
from nnunet_cscn.conversion.raw_dataset import DatasetDescription
from nnunet_cscn.conversion.sts import STS
from nnunet_cscn.errors import UserError
from nnunet_cscn.nnunet_folders import is_set, preprocessed_folder, raw_folder

Source = Annotated[Path, typer.Argument(metavar="SOURCE", help="Folder with images/ and labels/, equal file names.")]
Out = Annotated[Path | None, typer.Option("--out", metavar="FOLDER", help="Raw folder to write into, not $nnUNet_raw.")]
DatasetId = Annotated[int | None, typer.Option("--dataset-id", metavar="N", help="Another number for the data set.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace files that differ from the source.")]


def paired_converter(name: str, description: DatasetDescription) -> Callable[..., None]:
    """Return the command that converts a data set of paired folders, for ``cscn convert NAME``."""

    def command(source: Source, out: Out = None, dataset_id: DatasetId = None, overwrite: Overwrite = False) -> None:
        _convert_paired(description, source, out=out, dataset_id=dataset_id, overwrite=overwrite)

    command.__doc__ = (
        f"Convert to Dataset{description.number:03d}_{description.name}, with five fixed folds.\n\n"
        f"{description.title}. {description.licence}; {description.reference}\n\n"
        f"Example: cscn convert {name} downloads/{name}"
    )
    return command


def standalone(command: Callable[..., None]) -> typer.Typer:
    """Return an app of one command, for the scripts in ``dataset_conversion``."""
    alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    alone.command()(command)
    return alone


def _convert_paired(
    description: DatasetDescription, source: Path, *, out: Path | None, dataset_id: int | None, overwrite: bool
) -> None:
    from nnunet_cscn.conversion.paired_folders import convert

    has_preprocessed = is_set("nnUNet_preprocessed")
    try:
        with progress_bar() as progress:
            task = progress.add_task("converting", total=None)
            done = convert(
                source,
                description,
                raw_folder=raw_folder() if out is None else out,
                preprocessed_folder=preprocessed_folder() if has_preprocessed else None,
                dataset_id=dataset_id,
                overwrite=overwrite,
                on_start=lambda count: progress.update(task, total=count),
                on_case=lambda: progress.advance(task),
            )
    except OSError as failure:
        raise UserError(f"{failure.filename}: {failure.strerror}") from failure

    console.print(
        f"{done.folder}: {len(done.written)} cases written, {len(done.unchanged)} already there", soft_wrap=True
    )


sts = paired_converter("sts", STS)
hippocampus = paired_converter("hippocampus", HIPPOCAMPUS)

convert_app = typer.Typer(help="Turn data into nnU-Net's raw format.", no_args_is_help=True)
convert_app.command("dicom")(dicom)
convert_app.command("hecktor")(hecktor)
convert_app.command("hnts-mrg")(hnts_mrg)
convert_app.command("nifti")(nifti)
convert_app.command("npc277")(npc277)
convert_app.command("segrap")(segrap)
convert_app.command("sts")(sts)
convert_app.command("hippocampus")(hippocampus)
