"""``cscn model check``: what a model of somebody else is, and what speaks against it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from nnunet_cscn.cli.app import console
from nnunet_cscn.cli.score_options import JsonFile

if TYPE_CHECKING:
    from nnunet_cscn.sharing.checking import CheckedModel

_ROWS = {
    "data set": "dataset",
    "trainer": "trainer",
    "plans": "plans",
    "configuration": "configuration",
    "channels": "channels",
    "labels": "labels",
    "training cases": "n_cases",
    "spacing (mm)": "spacing_mm",
    "patch": "patch_size",
}


def check(
    source: Annotated[Path, typer.Argument(metavar="ZIP|FOLDER", help="Zip or folder of a trained model.")],
    *,
    json_file: JsonFile = None,
) -> None:
    """Check a trained model before you use it, without running anything of it.

    The command compares the files with the manifest, and refuses paths and
    links that lead out of the folder, zip bombs, and checkpoints or plans that
    would run code. It prints what the model is. It takes models of nnU-Net
    itself too; these have no manifest. The exit status is 0 if nothing was
    found and 2 otherwise.

    Example: cscn model check npc.zip
    """
    from nnunet_cscn.files import write_json
    from nnunet_cscn.workflows.share_models import check_model, refuse

    with console.status("checking"):
        models = check_model(source)
    for model in models:
        show_model(model)
    if json_file is not None:
        write_json(json_file, {"models": [model.to_json() for model in models]}, allow_nan=True)
    refuse(models)
    found = f"{source}: no problems found in the files of the model"
    console.print(found, soft_wrap=True, markup=False, highlight=False)


def show_model(model: CheckedModel) -> None:
    """Print what a model is."""
    from nnunet_cscn.sharing.checking import to_text

    table = Table(show_header=False, box=None)
    for title, key in _ROWS.items():
        _add(table, title, to_text(model.description.get(key)))
    for fold in model.folds:
        _add(table, f"fold {to_text(fold['fold'])}", _numbers(fold))
    if model.made_with is not None:
        _add(table, "made with", to_text(model.made_with))
    for note in model.notes:
        _add(table, "note", note)
    console.print(table)


def _add(table: Table, title: str, text: str) -> None:
    table.add_row(Text(title, style="bold"), Text(text, overflow="fold"))


def _numbers(fold: Mapping[str, Any]) -> str:
    from nnunet_cscn.sharing.checking import to_text

    cases = (fold["n_training_cases"], fold["n_validation_cases"])
    words = [
        to_text(fold["checkpoint"]),
        f"{to_text(fold['epochs'])} {'epoch' if fold['epochs'] == 1 else 'epochs'}",
        f"{fold['n_parameters'] / 1e6:.1f} M weights",
    ]
    words += [f"{cases[0]} training and {cases[1]} validation cases"] if None not in cases else []
    dice = fold["validation_dice"]
    return ", ".join(words + ([f"validation DSC {dice:.3f}"] if isinstance(dice, float) else []))
