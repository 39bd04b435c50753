"""``cscn weights``: weights to start a training from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nnunet_cscn.cli.app import console
from nnunet_cscn.settings.block import LARGEST_SEED

weights_app = typer.Typer(help="Make weights for nnUNetv2_train -pretrained_weights.", no_args_is_help=True)


@weights_app.callback()
def _weights() -> None:
    pass


@weights_app.command("from-bunet")
def from_bunet(
    bunet: Annotated[Path, typer.Argument(help="Checkpoint of BUNetTrainer or stock nnUNetTrainer.")],
    out: Annotated[Path, typer.Argument(help="File to write.")],
    *,
    configuration: Annotated[
        str | None, typer.Option("-c", "--configuration", help="Configuration of CSCN; the checkpoint's by default.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Seed of the fine network's weights.")] = 0,
) -> None:
    """Write CSCN weights with a trained BUNet as the coarse half and a fresh fine half.

    nnU-Net leaves out the segmentation heads when it loads pretrained weights, so
    these start anew. CSCN's coarse network sees the window pooled, so its U-Net is
    that of a configuration with a coarser spacing and a smaller patch; `-c` names the
    configuration that CSCN is to be trained on, in the same plans.

    Example: cscn weights from-bunet fold_0/checkpoint_final.pth start.pth -c 3d_fullres
    """
    with console.status("importing torch"):
        from nnunet_cscn.training.pretrained import cscn_from_bunet

    n_tensors = cscn_from_bunet(bunet, out, name=configuration, seed=seed)
    trained_on = configuration or "CONFIGURATION"
    console.print(
        f"{out}: {n_tensors} tensors from {bunet}\n"
        f"next: nnUNetv2_train DATASET {trained_on} FOLD -tr CSCNTrainer -pretrained_weights {out}",
        soft_wrap=True,
        markup=False,
    )
