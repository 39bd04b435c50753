"""``cscn curves``: the curves of several trainings in one picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nnunet_cscn.cli.app import console
from nnunet_cscn.cli.model_options import Trust
from nnunet_cscn.texts import counted


def curves(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Folders of folds, or of models (all folds of these).")
    ],
    *,
    out: Annotated[
        Path, typer.Option("-o", "--out", metavar="FILE", help="Picture to write: .png, .svg or .pdf.")
    ] = Path("curves.png"),
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the numbers to this JSON file.")
    ] = None,
    trust: Trust = False,
) -> None:
    """Draw DSC, losses and learning rate of trainings into one picture.

    The losses of the coarse and of the fine network are drawn apart. The numbers
    come from training_epochs.csv, which our trainers write into each fold.
    Trainings of stock nnU-Net are drawn from their checkpoints. The DSC is
    nnU-Net's pseudo Dice of patches, not that of whole cases.

    Example: cscn curves results/Dataset901_NPC/*Trainer__nnUNetPlans__3d_fullres/fold_0 -o curves.png
    """
    from nnunet_cscn.files import write_json
    from nnunet_cscn.workflows.curves import draw_curves

    drawn = draw_curves(runs, out)
    if json_file is not None:
        write_json(json_file, drawn.to_json())
    for name, rows in drawn.runs.items():
        console.print(f"{name}: {counted(len(rows), 'epoch')}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"written to {drawn.file}", markup=False, highlight=False, soft_wrap=True)
