"""Check that nnU-Net finds our trainers."""

from __future__ import annotations

import contextlib
import inspect
import io
import os
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

from nnunet_cscn.diagnosis.finding import Finding, fault, ok
from nnunet_cscn.nnunet import discovery
from nnunet_cscn.training.catalogue import TRAINERS

_PACKAGE = Path(discovery.__file__).resolve().parents[1]
_EVAL = 'Run `eval "$(cscn env)"` in this shell and add this line to its start-up file.'


def check_registration() -> list[Finding]:
    """Check how nnU-Net's commands find our trainers, and whether the variable contains wrong folders."""
    value = os.environ.get(discovery.TRAINERS_VARIABLE, "")
    return [_registration(), *_misplaced(value)]


def check_trainers(find: Callable[[str], type[Any]] | None = None) -> list[Finding]:
    """Search for each trainer as nnU-Net does, with our folder in the variable.

    Args:
        find: Function that finds a trainer by name; by default nnU-Net's own.
    """
    discovery.ensure_registered()
    look_up = find or _nnunets_search()
    return [_trainer(name, look_up) for name in TRAINERS]


def _nnunets_search() -> Callable[[str], type[Any]]:
    from nnunet_cscn.nnunet.trainer import trainer_named

    search: Callable[[str], type[Any]] = trainer_named
    return search


def _registration() -> Finding:
    subject = "trainers registered"
    if discovery.is_registered():
        return ok(subject, f"{discovery.TRAINERS_VARIABLE} names {discovery.trainers_folder()}")
    switch = os.environ.get("TORCH_DEVICE_BACKEND_AUTOLOAD", "1")
    if switch != "1":
        return fault(subject, f"turned off by TORCH_DEVICE_BACKEND_AUTOLOAD={switch}", _EVAL)
    names = [entry.value for entry in metadata.entry_points(group="torch.backends")]
    if "nnunet_cscn.nnunet.discovery:register" not in names:
        return fault(subject, "torch cannot find them: nnunet-cscn is imported but not installed", _EVAL)
    return ok(subject, f"{discovery.trainers_folder()}, when torch is imported")


def _misplaced(value: str) -> list[Finding]:
    entries = [entry for entry in value.split(os.pathsep) if entry.strip()]
    return [
        fault(
            discovery.TRAINERS_VARIABLE,
            f"contains {entry}, the folder of this package, so nnU-Net loads each class twice",
            f"Remove {entry} from the variable.",
        )
        for entry in entries
        if _PACKAGE.is_relative_to(os.path.realpath(entry))
    ]


def _trainer(name: str, find: Callable[[str], type[Any]]) -> Finding:
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            trainer = find(name)
    except Exception as failure:
        if "Could not find requested nnunet trainer" in str(failure):
            detail = f"not found in {discovery.trainers_folder()}"
            return fault(
                name,
                detail,
                "Reinstall nnunet-cscn: the installed version does not contain this trainer or is incomplete.",
            )
        remedy = f"Solve the import problems above, or remove the broken folder from {discovery.TRAINERS_VARIABLE}."
        return fault(name, f"the search failed: {type(failure).__name__}: {failure}", remedy)
    if trainer.__module__.partition(".")[0] != "nnunet_cscn":
        remedy = f"Rename that class, or remove its folder from {discovery.TRAINERS_VARIABLE}."
        return fault(name, f"another class of this name is found first: {_file_of(trainer)}", remedy)
    return ok(name, _file_of(trainer))


def _file_of(trainer: type[Any]) -> str:
    try:
        return inspect.getfile(trainer)
    except (TypeError, OSError):  # nnU-Net does not keep the modules of searched folders
        return f"module {trainer.__module__}"
