"""Export a trained model."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from nnunet_cscn.errors import ArgumentError, UserError, available_names
from nnunet_cscn.files import read_json_file, replacing, write_json
from nnunet_cscn.nnunet.checkpoints import read_checkpoint
from nnunet_cscn.nnunet.loading import check_plans
from nnunet_cscn.nnunet.plans import read_plans_file
from nnunet_cscn.pickles.allowed import IN_POSTPROCESSING
from nnunet_cscn.pickles.opcodes import foreign_to
from nnunet_cscn.sharing.description import described, described_fold, versions
from nnunet_cscn.sharing.layout import fold_folders, fold_name
from nnunet_cscn.sharing.manifest import write_manifest
from nnunet_cscn.sharing.slim import slim_checkpoint, slim_dataset_json, slim_summary
from nnunet_cscn.sharing.weights import ENDING, write_weights

_FIRST_DAY = (1980, 1, 1, 0, 0, 0)  # first possible date; the same model always gives the same bytes
MODEL_CARD = ("model_card.md", "model_card.html", "model_card_curves.png")  # contain no case names
_PACKED_ALREADY = (".pth", ENDING, ".png")


@dataclass(frozen=True)
class Choice:
    """The parts of a model to export.

    Attributes:
        folds: Names of folds, such as ``0`` or ``all``; empty for all folds with the checkpoint.
        checkpoint: File name of the checkpoint of each fold.
        pickles: Whether to include checkpoints for stock nnU-Net.
        case_names: Whether to include case names.
        trust: Whether to load checkpoints that run code. None for the value of ``CSCN_TRUST``.
    """

    folds: Sequence[str] = ()
    checkpoint: str = "checkpoint_final.pth"
    pickles: bool = True
    case_names: bool = False
    trust: bool | None = None


def collect(model: Path, target: Path, choice: Choice) -> dict[str, Any]:
    """Copy the parts of a model to a new folder, with a manifest.

    Args:
        model: The model folder.
        target: An empty folder.
        choice: The parts to export.

    Returns:
        The manifest without the hashes.

    Raises:
        UserError: When the model or a fold does not exist, or a file is damaged or would run code.
    """
    description = described(model)
    if not choice.trust:
        check_plans(model / "plans.json")
    plans, dataset_json = read_plans_file(model / "plans.json"), read_json_file(model / "dataset.json")
    write_json(target / "plans.json", plans, allow_nan=True)
    described_data = slim_dataset_json(dataset_json, case_names=choice.case_names)
    write_json(target / "dataset.json", described_data, allow_nan=True)
    folds = []
    for folder in _chosen(model, choice):
        checkpoint = read_checkpoint(folder / choice.checkpoint, trust=choice.trust)
        numbers = {**described_fold(folder, checkpoint), "checkpoint": choice.checkpoint}
        folds.append(numbers)
        _collect_fold(folder, target / folder.name, checkpoint, choice)
    _collect_postprocessing(model, target)
    for name in MODEL_CARD:
        if (model / name).is_file():
            shutil.copyfile(model / name, target / name)
    content = {"model": description, "folds": folds, "versions": versions(), "case_names": choice.case_names}
    write_manifest(target, content)
    return content


def pack(folder: Path, place: str, out: Path) -> None:
    """Write a zip archive of a folder.

    Args:
        folder: The folder.
        place: Path of the folder in the archive.
        out: The archive to write.
    """
    with replacing(out) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            member = zipfile.ZipInfo(f"{place}/{file.relative_to(folder).as_posix()}", _FIRST_DAY)
            member.external_attr = 0o644 << 16
            member.compress_type = zipfile.ZIP_STORED if file.suffix in _PACKED_ALREADY else zipfile.ZIP_DEFLATED
            with file.open("rb") as source, archive.open(member, "w", force_zip64=True) as packed:
                shutil.copyfileobj(source, packed, 2**20)


def _chosen(model: Path, choice: Choice) -> list[Path]:
    trained = {fold_name(folder): folder for folder in fold_folders(model) if (folder / choice.checkpoint).is_file()}
    if missing := [fold for fold in choice.folds if fold not in trained]:
        raise ArgumentError(
            "folds",
            f"{model.name} has no {choice.checkpoint} in fold {', '.join(missing)}; {available_names(list(trained))}",
        )
    if not trained:
        raise UserError(f"{model.name} has no {choice.checkpoint} in any fold: train it, or choose another checkpoint")
    return [folder for name, folder in trained.items() if not choice.folds or name in choice.folds]


def _collect_fold(folder: Path, target: Path, checkpoint: Mapping[str, Any], choice: Choice) -> None:
    slim = slim_checkpoint(checkpoint, case_names=choice.case_names)
    target.mkdir()
    write_weights(slim, (target / choice.checkpoint).with_suffix(ENDING))
    if choice.pickles:
        torch.save(slim, target / choice.checkpoint)
    if (folder / "progress.png").is_file():
        shutil.copyfile(folder / "progress.png", target / "progress.png")
    summary = folder / "validation" / "summary.json"
    if summary.is_file():
        scores = read_json_file(summary)
        if not isinstance(scores, dict):
            raise UserError(f"{summary} is not a summary of nnU-Net: validate the fold again (`--val`)")
        content = slim_summary(scores, case_names=choice.case_names)
        write_json(target / "validation" / "summary.json", content, allow_nan=True)


def _collect_postprocessing(model: Path, target: Path) -> None:
    """Copy the postprocessing of ``nnUNetv2_find_best_configuration``, which contains functions and labels only."""
    for file in model.glob("crossval_results_folds_*/postprocessing.pkl"):
        if not foreign_to(IN_POSTPROCESSING, file.read_bytes()):
            place = target / file.parent.name
            place.mkdir()
            shutil.copyfile(file, place / file.name)
