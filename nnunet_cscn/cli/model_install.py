"""``cscn model install``: a model of somebody else into nnU-Net's results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nnunet_cscn.cli.app import console
from nnunet_cscn.cli.model_check import show_model
from nnunet_cscn.cli.model_options import Trust
from nnunet_cscn.cli.score_options import JsonFile


def install(
    archive: Annotated[Path, typer.Argument(metavar="ZIP", help="Zip of cscn model export, or of nnU-Net.")],
    *,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a model that is already installed.")] = False,
    json_file: JsonFile = None,
    trust: Trust = False,
) -> None:
    """Check a zip of a trained model and install it into $nnUNet_results.

    The checks are those of cscn model check. Nothing is installed if one of them
    fails; --trust permits models that run code, and nothing else. An interrupted
    installation leaves nothing behind.

    Example: cscn model install npc.zip
    """
    from nnunet_cscn.files import write_json
    from nnunet_cscn.workflows.share_models import install_model

    with console.status("checking"):
        installed = install_model(archive, overwrite=overwrite, trust=trust)
    for model in installed.models:
        show_model(model)
    for note in installed.notes:
        console.print(f"note: {note}", soft_wrap=True, markup=False, highlight=False)
    for place in installed.places:
        console.print(f"installed: {place}", soft_wrap=True, markup=False, highlight=False)
    if json_file is not None:
        content = {"models": [model.to_json() for model in installed.models], "notes": list(installed.notes)}
        write_json(json_file, {**content, "installed": [str(place) for place in installed.places]}, allow_nan=True)
