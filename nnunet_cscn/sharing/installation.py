"""Move checked models into nnU-Net's results, all or none."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import torch

from nnunet_cscn.errors import UserError
from nnunet_cscn.files import read_json_file, replacing
from nnunet_cscn.nnunet.plans import read_plans_file
from nnunet_cscn.sharing.layout import DATASET, fold_folders
from nnunet_cscn.sharing.weights import ENDING, read_weights
from nnunet_cscn.temporary import aside
from nnunet_cscn.texts import escape_controls


def check_places(names: Sequence[str]) -> None:
    """Check that an archive has the layout of nnU-Net.

    Args:
        names: Paths of the files in the archive.

    Raises:
        UserError: When a file is not in the folder of a data set.
    """
    for name in names:
        top, _, rest = name.partition("/")
        if not rest or not DATASET.fullmatch(top):
            raise UserError(
                f"{escape_controls(name)} is not in the folder of a data set: expected "
                "DatasetNNN_NAME/TRAINER__PLANS__CONFIGURATION/..., as nnU-Net exports it"
            )


def complete(model: Path) -> list[Path]:
    """Write the missing checkpoints of a model from its safetensors files.

    Args:
        model: The model folder.

    Returns:
        The written checkpoints.
    """
    made = []
    for folder in fold_folders(model):
        for weights in sorted(folder.glob(f"*{ENDING}")):
            target = weights.with_suffix(".pth")
            if not target.exists():
                plans, dataset_json = read_plans_file(model / "plans.json"), read_json_file(model / "dataset.json")
                with replacing(target) as temporary:
                    torch.save(read_weights(weights, plans, dataset_json), temporary)
                made.append(target)
    return made


def move_in(unpacked: Path, results: Path, *, overwrite: bool) -> list[Path]:
    """Move the content of a folder into nnU-Net's results.

    Args:
        unpacked: A temporary folder in ``results`` with folders of data sets.
        results: The results folder of nnU-Net.
        overwrite: Whether to replace existing models.

    Returns:
        The new folders and files in the folders of their data sets.

    Raises:
        UserError: When a model already exists. Nothing is moved then.
    """
    moves = {
        part: results / part.relative_to(unpacked) for dataset in sorted(unpacked.iterdir()) for part in _parts(dataset)
    }
    there = [target for target in moves.values() if target.exists() or target.is_symlink()]
    if there and not overwrite:
        raise UserError(f"{there[0]} is there already: add overwrite=True to replace it")
    done: list[tuple[Path, Path | None]] = []
    try:
        for part, target in moves.items():
            target.parent.mkdir(parents=True, exist_ok=True)
            before = aside(unpacked, target) if target in there else None
            if before is not None:
                target.rename(before)
            done.append((target, before))
            part.rename(target)
    except BaseException:
        for target, before in reversed(done):
            if target.is_dir():
                shutil.rmtree(target)
            else:
                target.unlink(missing_ok=True)
            if before is not None:
                before.rename(target)
        raise
    return sorted(moves.values())


def _parts(dataset: Path) -> list[Path]:
    """Return the parts of a data set folder to move: models, ensembles and other files."""
    entries = sorted(dataset.iterdir())
    ensembles = [each for entry in entries if entry.name == "ensembles" for each in sorted(entry.iterdir())]
    return [entry for entry in entries if entry.name != "ensembles"] + ensembles
