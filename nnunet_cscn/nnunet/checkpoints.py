"""nnU-Net's checkpoints: read them safely, and keep beside the weights what they were made from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from nnunet_cscn.errors import UserError

RECORD = "cscn"  # our entry among the arguments that nnU-Net keeps in a checkpoint


def read_checkpoint(file: Path) -> dict[str, Any]:
    """Open a checkpoint on the CPU; the weights are read when they are used.

    Raises:
        UserError: When there is none, or it is truncated or none of nnU-Net's.
    """
    if not file.is_file():
        raise UserError(f"{file} does not exist: give the checkpoint_final.pth of a trained fold")
    try:
        checkpoint = torch.load(file, map_location="cpu", weights_only=False, mmap=True)
        _ = checkpoint["trainer_name"], *(checkpoint["init_args"][key] for key in ("plans", "configuration"))
        _ = checkpoint["init_args"]["dataset_json"]["labels"], checkpoint["network_weights"].keys()
    except Exception:  # torch raises many kinds for a file that is no checkpoint
        raise UserError(
            f"{file} is not an nnU-Net checkpoint: give the checkpoint_final.pth of a trained fold"
        ) from None
    return dict(checkpoint)


def record_of(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """Return what a trainer of ours has noted in a checkpoint; empty for other trainers."""
    noted: dict[str, Any] = checkpoint["init_args"].get(RECORD, {})
    return noted
