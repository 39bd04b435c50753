"""``cscn weights``: make pretrained weights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nnunet_cscn.cli.app import console
from nnunet_cscn.cli.model_options import Trust
from nnunet_cscn.settings.block import LARGEST_SEED
from nnunet_cscn.texts import counted

weights_app = typer.Typer(help="Make pretrained weights for nnUNetv2_train -pretrained_weights.", no_args_is_help=True)


@weights_app.callback()
def _weights() -> None:
    pass


@weights_app.command("from-bunet")
def from_bunet(
    bunet: Annotated[Path, typer.Argument(help="Checkpoint of BUNetTrainer or nnUNetTrainer.")],
    out: Annotated[Path, typer.Argument(help="Weights file to write.")],
    *,
    configuration: Annotated[
        str | None,
        typer.Option(
            "-c",
            "--configuration",
            show_default="that of the checkpoint",
            help="Configuration on which CSCN will be trained, in the same plans.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Random seed of the fine network's weights.")] = 0,
    trust: Trust = False,
) -> None:
    """Make CSCN weights from a trained BUNet (coarse network) and a new fine network.

    The coarse network of CSCN sees the window pooled. So train the BUNet with a
    coarser spacing and a smaller patch than CSCN, and use -c to name the
    configuration on which CSCN will be trained. nnU-Net does not load the
    segmentation heads of pretrained weights; they are always trained from
    scratch.

    Example: cscn weights from-bunet fold_0/checkpoint_final.pth start.pth -c 3d_fullres
    """
    with console.status("importing torch"):
        from nnunet_cscn.training.pretrained import cscn_from_bunet

    n_tensors = cscn_from_bunet(bunet, out, name=configuration, seed=seed)
    trained_on = configuration or "CONFIGURATION"
    console.print(
        f"{out}: {counted(n_tensors, 'tensor')} from {bunet}\n"
        f"next: nnUNetv2_train DATASET {trained_on} FOLD -tr CSCNTrainer -pretrained_weights {out}",
        soft_wrap=True,
        markup=False,
    )


@weights_app.command("adapt")
def adapt(
    model: Annotated[Path, typer.Argument(help="Checkpoint of any trainer, or the folder of a fold or of a model.")],
    *,
    dataset: Annotated[str, typer.Option("--for", metavar="DATASET", help="Data set to train on: number or name.")],
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="FILE", show_default="DATASET_start.pth", help="Weights file to write."),
    ] = None,
    configuration: Annotated[
        str | None,
        typer.Option(
            "-c", "--configuration", show_default="that of the model", help="Configuration that will be trained."
        ),
    ] = None,
    plans: Annotated[str, typer.Option("-p", "--plans", help="Plans of the data set.")] = "nnUNetPlans",
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Random seed of what starts anew.")] = 0,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write what was kept to this JSON file.")
    ] = None,
    trust: Trust = False,
) -> None:
    """Make weights of a trained model fit the channels and labels of another data set.

    Channels and labels are matched by name. A new channel starts from the mean of
    the channels that the model knows; a new label starts anew. The plans must
    give the same network: nnUNetv2_move_plans_between_datasets copies them.

    nnU-Net never loads segmentation heads of pretrained weights. CSCN_HEADS=FILE
    before nnUNetv2_train loads those of the kept labels too.

    Example: cscn weights adapt fold_0/checkpoint_final.pth --for 905 -o start.pth
    """
    from nnunet_cscn.files import write_json

    with console.status("importing torch"):
        from nnunet_cscn.workflows.weights import adapt_weights
    adapted = adapt_weights(model, dataset, out, configuration=configuration, plans=plans, seed=seed)
    for line in adapted.lines():
        console.print(line, soft_wrap=True, markup=False, highlight=False)
    if json_file is not None:
        write_json(json_file, adapted.to_json())
