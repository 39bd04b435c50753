"""Read nnU-Net's checkpoints, and the record that our trainers store in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from nnunet_cscn.errors import UserError

RECORD = "cscn"  # key of our record among the trainer arguments in a checkpoint


def read_checkpoint(file: Path) -> dict[str, Any]:
    """Open a checkpoint on the CPU. The weights are read only when they are used.

    Raises:
        UserError: If it does not exist, is damaged, or is not an nnU-Net checkpoint.
    """
    if not file.is_file():
        raise UserError(f"{file} does not exist: give the checkpoint_final.pth of a trained fold")
    try:
        checkpoint = torch.load(file, map_location="cpu", weights_only=False, mmap=True)
        _ = checkpoint["trainer_name"], *(checkpoint["init_args"][key] for key in ("plans", "configuration"))
        _ = checkpoint["init_args"]["dataset_json"]["labels"], checkpoint["network_weights"].keys()
    except Exception:  # torch raises many types of errors here
        raise UserError(
            f"{file} is not an nnU-Net checkpoint: give the checkpoint_final.pth of a trained fold"
        ) from None
    return dict(checkpoint)


def record_of(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """Return the record that our trainers store in a checkpoint; empty for other trainers."""
    noted: dict[str, Any] = checkpoint["init_args"].get(RECORD, {})
    return noted
