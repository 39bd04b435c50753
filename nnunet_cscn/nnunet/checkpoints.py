"""Read nnU-Net's checkpoints, and the record that our trainers store in them."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from nnunet_cscn.errors import UserError
from nnunet_cscn.nnunet.architectures import foreign_names
from nnunet_cscn.nnunet.checkpoint_files import ForeignCode, foreign_in, trusts_all
from nnunet_cscn.pickles.allowed import numbers_of_numpy

RECORD = "cscn"  # key of our record among the trainer arguments in a checkpoint

_ONE_AT_A_TIME = threading.Lock()  # torch stores the allowed types for the whole process


def read_checkpoint(file: Path, *, trust: bool | None = None) -> dict[str, Any]:
    """Open a checkpoint on the CPU. The weights are read only when they are used.

    A checkpoint is a pickle, and a pickle can run any code. So this function reads it with ``weights_only=True`` and
    allows only what nnU-Net's checkpoints contain. It also checks the names in the plans, which nnU-Net imports.

    Args:
        file: The checkpoint.
        trust: Whether to allow code in the file. None for the value of the variable ``CSCN_TRUST``, which is no by
            default.

    Raises:
        ForeignCode: If it would run other code; the text names it.
        UserError: If it does not exist, is damaged, or is not an nnU-Net checkpoint.
    """
    if not file.is_file():
        raise UserError(f"{file} does not exist: give the checkpoint_final.pth of a trained fold")
    is_trusted = trusts_all() if trust is None else trust
    try:
        checkpoint = _trusted(file) if is_trusted else _clean(file)
        require_entries(checkpoint)
        foreign = [] if is_trusted else foreign_names(checkpoint["init_args"]["plans"])
    except ForeignCode:
        raise
    except Exception:  # torch raises many types of errors here
        raise UserError(
            f"{file} is not an nnU-Net checkpoint: give the checkpoint_final.pth of a trained fold"
        ) from None
    if foreign:
        raise ForeignCode(file, foreign)
    return dict(checkpoint)


def check_clean(file: Path) -> None:
    """Check that nnU-Net's own loader would run nothing from a file of weights.

    torch itself reads the file here. Another reader could see another content in the same archive.

    Args:
        file: A checkpoint, or weights to start a training from.

    Raises:
        ForeignCode: When it would run code; the text names it.
        UserError: When it is damaged.
    """
    try:
        _clean(file)
    except ForeignCode:
        raise
    except Exception as fault:  # torch raises many types of errors here
        reason = str(fault).strip().partition("\n")[0]
        raise UserError(f"{file} is damaged ({reason:.100}): remove it, or give another file") from None


def require_entries(checkpoint: Any) -> None:
    """Check the entries of a checkpoint that prediction, pretrained weights and descriptions read.

    Raises:
        LookupError: When one is missing.
        TypeError: When one has another type than nnU-Net and our trainers store.
    """
    arguments = checkpoint["init_args"]
    texts = checkpoint["trainer_name"], arguments["configuration"]
    blocks = checkpoint["network_weights"], arguments["plans"], arguments["dataset_json"]["labels"]
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("the names of trainer and configuration are not text")
    if not all(isinstance(block, Mapping) for block in (*blocks, arguments.get(RECORD, {}))):
        raise TypeError("weights, plans, labels and record are not dictionaries")
    for weight in checkpoint["network_weights"].values():
        if isinstance(weight, torch.Tensor) and weight.nbytes > weight.untyped_storage().nbytes():
            raise TypeError("a weight repeats its storage")  # a small file could fill the memory


def record_of(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """Return the record that our trainers store in a checkpoint; empty for other trainers."""
    noted: dict[str, Any] = checkpoint["init_args"].get(RECORD, {})
    return noted


def _trusted(file: Path) -> Any:
    return torch.load(file, map_location="cpu", weights_only=False, mmap=True)


def _clean(file: Path) -> Any:
    if foreign := foreign_in(file):
        raise ForeignCode(file, foreign)
    with _ONE_AT_A_TIME, torch.serialization.safe_globals(numbers_of_numpy()):
        return torch.load(file, map_location="cpu", weights_only=True, mmap=True)
