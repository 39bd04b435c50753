"""``cscn model export``: a trained model as one file for others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nnunet_cscn.cli.app import console
from nnunet_cscn.cli.fold_options import FoldsToExport, chosen_folds_or_all
from nnunet_cscn.cli.model_options import Checkpoint, Trust
from nnunet_cscn.cli.score_options import JsonFile


def export(
    model: Annotated[Path, typer.Argument(help="Folder of a trained model: TRAINER__PLANS__CONFIGURATION.")],
    out: Annotated[Path, typer.Argument(help="Zip to write.")],
    *,
    folds: FoldsToExport = None,
    checkpoint: Checkpoint = "checkpoint_final.pth",
    no_pickle: Annotated[
        bool, typer.Option("--no-pickle", help="Leave out the .pth files. Only cscn model install takes such a zip.")
    ] = False,
    case_names: Annotated[
        bool, typer.Option("--with-case-names", help="Keep the names of the training and validation cases.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing zip.")] = False,
    json_file: JsonFile = None,
    trust: Trust = False,
) -> None:
    """Write a trained model to a zip for other people.

    The zip has the layout of nnU-Net, so
    nnUNetv2_install_pretrained_model_from_zip takes it too. The weights are
    also stored as safetensors, which cannot run code. A manifest lists the hash
    of every file, the versions, and what the model was trained on, in numbers.
    Names of cases, logs and the state of the optimizer are left out.

    Example: cscn model export results/Dataset901_NPC/CSCNTrainer__nnUNetPlans__3d_fullres npc.zip
    """
    from nnunet_cscn.files import write_json
    from nnunet_cscn.workflows.share_models import export_model

    chosen = None if folds is None else chosen_folds_or_all(folds)
    with console.status("packing"):
        content = export_model(
            model,
            out,
            folds=chosen,
            checkpoint=checkpoint,
            pickles=not no_pickle,
            case_names=case_names,
            overwrite=overwrite,
            trust=trust or None,
        )
    if json_file is not None:
        write_json(json_file, content, allow_nan=True)
    names = ", ".join(fold["fold"] for fold in content["folds"])
    text = f"{out}: {model.resolve().name}, folds {names}, {out.stat().st_size / 1e6:.1f} MB"
    console.print(text, soft_wrap=True, markup=False, highlight=False)
