"""Read nnU-Net's checkpoints, and the record that our trainers store in them."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import torch

from nnunet_cscn.errors import UserError
from nnunet_cscn.nnunet.checkpoint_files import ForeignCode, foreign_in, refusal, trusts_all
from nnunet_cscn.pickles.allowed import numbers_of_numpy

RECORD = "cscn"  # key of our record among the trainer arguments in a checkpoint

_ZIP = b"PK\x03\x04"
_ONE_AT_A_TIME = threading.Lock()  # torch keeps what is allowed for the whole process


def read_checkpoint(file: Path, *, trust: bool | None = None) -> dict[str, Any]:
    """Open a checkpoint on the CPU. The weights are read only when they are used.

    A checkpoint is a pickle, and a pickle may run anything. This one is read by torch's reader of weights, which builds
    nothing but what nnU-Net's checkpoints hold.

    Args:
        file: The checkpoint.
        trust: Whether to run what the file asks for; None for what the variable ``CSCN_TRUST`` says, else not.

    Raises:
        ForeignCode: If it would run other code; the text names it.
        UserError: If it does not exist, is damaged, or is not an nnU-Net checkpoint.
    """
    if not file.is_file():
        raise UserError(f"{file} does not exist: give the checkpoint_final.pth of a trained fold")
    try:
        checkpoint = _trusted(file) if (trusts_all() if trust is None else trust) else _clean(file)
        _ = checkpoint["trainer_name"], *(checkpoint["init_args"][key] for key in ("plans", "configuration"))
        _ = checkpoint["init_args"]["dataset_json"]["labels"], checkpoint["network_weights"].keys()
    except ForeignCode:
        raise
    except Exception:  # torch raises many types of errors here
        raise UserError(
            f"{file} is not an nnU-Net checkpoint: give the checkpoint_final.pth of a trained fold"
        ) from None
    return dict(checkpoint)


def record_of(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """Return the record that our trainers store in a checkpoint; empty for other trainers."""
    noted: dict[str, Any] = checkpoint["init_args"].get(RECORD, {})
    return noted


def _trusted(file: Path) -> Any:
    return torch.load(file, map_location="cpu", weights_only=False, mmap=True)


def _clean(file: Path) -> Any:
    with file.open("rb") as stream:
        if stream.read(len(_ZIP)) != _ZIP:  # torch would read it as one of its old formats, which are pickles alone
            raise ValueError("no archive")
    if foreign := foreign_in(file):
        raise ForeignCode(refusal(file, foreign))
    with _ONE_AT_A_TIME, torch.serialization.safe_globals(numbers_of_numpy()):
        return torch.load(file, map_location="cpu", weights_only=True, mmap=True)
