"""Check trained models: complete, as in their manifest, and without foreign code."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nnunet_cscn.errors import UserError
from nnunet_cscn.files import read_json_file
from nnunet_cscn.nnunet.architectures import foreign_names
from nnunet_cscn.nnunet.checkpoint_files import ForeignCode
from nnunet_cscn.nnunet.checkpoints import read_checkpoint
from nnunet_cscn.nnunet.plans import read_plans_file
from nnunet_cscn.pickles.allowed import IN_POSTPROCESSING, IN_PROPERTIES
from nnunet_cscn.pickles.opcodes import DamagedPickle, foreign_to
from nnunet_cscn.sharing.description import described, described_fold
from nnunet_cscn.sharing.layout import belongs, fold_folders, model_folders
from nnunet_cscn.sharing.manifest import differences, read_manifest
from nnunet_cscn.sharing.weights import ENDING, read_weights, same_weights
from nnunet_cscn.texts import escape_controls


@dataclass(frozen=True)
class CheckedModel:
    """A model and the results of its check.

    Attributes:
        folder: The model folder.
        description: Result of ``described``.
        folds: Results of ``described_fold`` for each checkpoint.
        made_with: Package versions in the manifest; None without a manifest.
        problems: Sentences about damaged, missing or changed files.
        foreign: Sentences about files with foreign code.
        notes: Sentences for information.
    """

    folder: Path
    description: Mapping[str, Any]
    folds: tuple[Mapping[str, Any], ...]
    made_with: Mapping[str, str] | None
    problems: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the content for a JSON file."""
        made_with = None if self.made_with is None else dict(self.made_with)
        lists = {"problems": self.problems, "foreign_code": self.foreign, "notes": self.notes}
        content = {**self.description, "folds": [dict(fold) for fold in self.folds], "made_with": made_with}
        return {**content, **{name: list(sentences) for name, sentences in lists.items()}}


class _Findings:
    """Collects sentences during a check."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.problems: list[str] = []
        self.foreign: list[str] = []
        self.notes: list[str] = []

    def name(self, file: Path) -> str:
        return escape_controls(file.relative_to(self.root).as_posix())

    def take(self, fault: UserError) -> None:
        """Add an error, with paths relative to the checked folder."""
        is_foreign = isinstance(fault, ForeignCode)
        sentence = fault.reason if isinstance(fault, ForeignCode) else str(fault)
        sentence = escape_controls(sentence.replace(f"{self.root}{os.sep}", ""))
        (self.foreign if is_foreign else self.problems).append(sentence)


def check_models(root: Path, *, source: Path | None = None) -> list[CheckedModel]:
    """Check all models in a folder, without running or changing anything.

    Args:
        root: A model folder, or a folder that contains models.
        source: The archive from which the folder was unpacked, for the message.

    Raises:
        UserError: When there is no model.
    """
    folders = model_folders(root)
    if not folders:
        raise UserError(
            f"{source or root} contains no trained model: expected a folder TRAINER__PLANS__CONFIGURATION with "
            "plans.json, dataset.json and fold_0 and so on"
        )
    outside = _Findings(root)
    models = [_checked(folder, root) for folder in folders]
    strays = [path for path in _files(root, outside) if not any(folder in path.parents for folder in folders)]
    for path in strays:
        _check_file(path, outside)
    first = models[0]  # problems of other files, such as settings of ensembles, are added to the first model
    problems = tuple(dict.fromkeys([*first.problems, *outside.problems]))
    foreign = tuple(dict.fromkeys([*first.foreign, *outside.foreign]))
    return [replace(first, problems=problems, foreign=foreign, notes=(*first.notes, *outside.notes)), *models[1:]]


def _checked(model: Path, root: Path) -> CheckedModel:
    found = _Findings(root)
    files = list(_files(model, found))
    for file in files:
        _check_file(file, found)
    description: dict[str, Any] = {"trainer": None, "dataset": None}
    manifest: dict[str, Any] | None = None
    folds: list[Mapping[str, Any]] = []
    try:
        description = described(model)
        manifest = read_manifest(model)
        for fold in fold_folders(model):
            folds += _folds(fold, description, found)
    except UserError as fault:
        found.take(fault)
    if not folds and not found.problems and not found.foreign:
        found.problems.append(f"{found.name(model)} has no trained fold")
    if manifest is None:
        found.notes.append("there is no manifest, so changed files cannot be detected")
    else:
        wrong, unknown = differences(model, manifest)
        found.problems += [escape_controls(sentence) for sentence in wrong]
        found.notes += [f"{escape_controls(name)} is not in the manifest" for name in unknown]
    made_with = manifest.get("versions") if manifest else None
    return CheckedModel(
        model,
        description,
        tuple(folds),
        made_with if isinstance(made_with, dict) else None,
        tuple(dict.fromkeys(found.problems)),
        tuple(dict.fromkeys(found.foreign)),
        tuple(found.notes),
    )


def _files(folder: Path, found: _Findings) -> Iterator[Path]:
    """Yield the regular files of a folder. Add links that lead out of it and special files to the findings."""
    inside = found.root.resolve()
    for parent, names, files in os.walk(folder):
        for name in sorted([*names, *files]):
            path = Path(parent, name)
            if path.is_symlink():
                if not path.exists():
                    found.problems.append(f"{found.name(path)} is a link that leads nowhere")
                    continue
                if not path.resolve().is_relative_to(inside):
                    found.problems.append(f"{found.name(path)} is a link that leads out of the folder")
                    continue
                if name in names:  # its content is checked at its real place
                    continue
            if name in files:
                if not stat.S_ISREG(path.stat().st_mode):
                    found.problems.append(f"{found.name(path)} is neither a file nor a folder")
                else:
                    yield path


def _check_file(file: Path, found: _Findings) -> None:
    """Check a file that nnU-Net would read."""
    try:
        if file.suffix == ".json":
            read_json_file(file)
            if file.name == "plans.json" and (names := foreign_names(read_plans_file(file))):
                raise ForeignCode(file, names)
        elif file.suffix == ".pkl":
            _check_pickle(file)
        elif file.suffix == ".pth":
            read_checkpoint(file, trust=False)
        elif not belongs(file.name):
            found.notes.append(f"{found.name(file)} is not part of a model and was not checked")
    except UserError as fault:
        found.take(fault)
    except RecursionError:
        found.problems.append(f"{found.name(file)} is nested too deep")


def _check_pickle(file: Path) -> None:
    try:
        allowed = IN_PROPERTIES if file.parent.name == "validation" else IN_POSTPROCESSING
        foreign = foreign_to(allowed, file.read_bytes())
    except DamagedPickle as fault:
        raise UserError(f"{file} is not a whole pickle ({fault})") from None
    if foreign:
        raise ForeignCode(file, foreign)


def _folds(folder: Path, description: Mapping[str, Any], found: _Findings) -> list[Mapping[str, Any]]:
    """Compare the checkpoints of a fold with the name of the model folder. Return their descriptions."""
    folds: list[Mapping[str, Any]] = []
    stems = sorted({file.stem for file in folder.iterdir() if file.suffix in (".pth", ENDING) and file.is_file()})
    for stem in stems:
        try:
            checkpoint = _checkpoint(folder / stem)
        except ForeignCode:
            continue  # already reported by _check_file
        except UserError as fault:
            found.take(fault)
            continue
        told = (checkpoint["trainer_name"], checkpoint["init_args"]["configuration"])
        if told != (description["trainer"], description["configuration"]):
            name = f"{folder.name}/{stem}.pth"
            sentence = f"{name} was trained by {told[0]} on {told[1]}, which is not the name of its folder"
            found.problems.append(escape_controls(sentence))
        folds.append({**described_fold(folder, checkpoint), "checkpoint": f"{stem}.pth"})
    return folds


def _checkpoint(stem: Path) -> dict[str, Any]:
    """Read a checkpoint from its pickle, its safetensors file, or both; both must contain the same weights."""
    pickled, plain = stem.with_suffix(".pth"), stem.with_suffix(ENDING)
    checkpoint = read_checkpoint(pickled, trust=False) if pickled.is_file() else None
    if not plain.is_file():
        assert checkpoint is not None
        return checkpoint
    model = stem.parent.parent
    weights = read_weights(plain, read_plans_file(model / "plans.json"), read_json_file(model / "dataset.json"))
    if checkpoint is not None and not same_weights(checkpoint, weights):
        raise UserError(f"{pickled} and {plain.name} hold different weights: get the model again")
    return checkpoint or weights


def to_text(value: Any) -> str:
    """Return a value of a description as one line of text.

    Example:
        >>> to_text({"0": "MRI"}), to_text([3.0, 0.6000000238418579]), to_text(None)
        ('0: MRI', '3, 0.6', 'unknown')
    """
    if value is None:
        return "unknown"
    if isinstance(value, Mapping):
        return ", ".join(
            f"{escape_controls(str(key))}: {escape_controls(json.dumps(item) if not isinstance(item, str) else item)}"
            for key, item in value.items()
        )
    if isinstance(value, (list, tuple)):
        return ", ".join(f"{item:g}" if isinstance(item, float) else escape_controls(str(item)) for item in value)
    return escape_controls(str(value))
