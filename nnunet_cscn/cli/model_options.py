"""Options shared by the commands that use trained models."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from nnunet_cscn.cli.app import console
from nnunet_cscn.cli.fold_options import chosen_folds_or_all
from nnunet_cscn.errors import ArgumentError, UserError
from nnunet_cscn.nnunet.checkpoint_files import TRUST_VARIABLE

if TYPE_CHECKING:
    from nnunet_cscn.prediction.predictor import PredictionMode, SlidingWindow
    from nnunet_cscn.workflows.models import LoadedModel

Dataset = Annotated[str, typer.Option("-d", help="Data set: number or name.")]
Configuration = Annotated[str, typer.Option("-c", help="Configuration of the model, such as 3d_fullres.")]
Plans = Annotated[str, typer.Option("-p", help="Plans of the model.")]
Trainer = Annotated[str, typer.Option("-tr", help="Trainer of the model.")]
Checkpoint = Annotated[str, typer.Option("-chk", help="Checkpoint file of the model.")]
Device = Annotated[
    str | None, typer.Option("-device", show_default="cuda if there is a GPU, else cpu", help="cuda, cpu or mps.")
]
DisableTta = Annotated[bool, typer.Option("--disable_tta", help="Turn off test-time augmentation (mirroring): faster.")]
Stitched = Annotated[
    bool,
    typer.Option(
        "--stitched",
        help="Run the coarse network on the whole image first instead of inside each tile (CSCNStagedTrainer).",
    ),
]


def _trust(is_trusted: bool) -> bool:
    if is_trusted:  # the processes that a command starts have to know it too
        os.environ[TRUST_VARIABLE] = "1"
    return is_trusted


Trust = Annotated[
    bool,
    typer.Option(
        "--trust",
        envvar=TRUST_VARIABLE,
        callback=_trust,
        help="Load checkpoints even if they run code. Only for files that you trust.",
    ),
]

Views = Annotated[bool, typer.Option("--views", help="Predict in three views (axial, coronal, sagittal) and average.")]


def chosen_mode(*, stitched: bool, views: bool) -> PredictionMode:
    """Return the prediction mode that ``--stitched`` or ``--views`` selects. UserError if both are given."""
    if stitched and views:
        raise UserError("--stitched and --views cannot be used together: give only one of them")
    return "stitched" if stitched else "views" if views else "tiles"


def loaded_model(
    dataset: str,
    configuration: str,
    *,
    trainer: str,
    plans: str,
    folds: list[str] | None,
    checkpoint: str,
    device: str | None,
    mode: PredictionMode,
    window: SlidingWindow,
) -> LoadedModel:
    """Load the selected model on the selected device.

    Raises:
        UserError: When the model does not exist or cannot be loaded.
    """
    from nnunet_cscn.nnunet.folders import model_folder

    numbers = chosen_folds_or_all(folds)
    folder = model_folder(dataset, trainer=trainer, plans=plans, configuration=configuration)
    with console.status("importing nnU-Net"):
        import torch

        from nnunet_cscn.workflows.models import load_model_folder
    try:
        model = load_model_folder(folder, folds=numbers, checkpoint=checkpoint, device=device, mode=mode, window=window)
    except ArgumentError as fault:
        raise ArgumentError(mode, fault.reason) if fault.argument == "mode" else fault from None
    if model.device.startswith("cuda"):
        torch.set_num_threads(1)  # as nnUNetv2_predict does; on the CPU torch uses all cores, or OMP_NUM_THREADS
    return model
