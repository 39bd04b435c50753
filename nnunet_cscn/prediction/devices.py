"""Select the device for prediction."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nnunet_cscn.errors import ArgumentError

if TYPE_CHECKING:
    import torch


def chosen_device(name: str | None) -> torch.device:
    """Return a device by its name.

    Args:
        name: ``cuda``, ``cuda:1``, ``cpu`` or ``mps``. None for a GPU if there is one, else the CPU.

    Raises:
        ArgumentError: When the name is unknown, or the device is missing.
    """
    if name is not None and re.fullmatch(r"cuda(:\d+)?|cpu|mps", name) is None:
        raise ArgumentError(
            "device",
            f"expected cuda, cpu or mps, got {name}; to choose one of several GPUs, use cuda:1 or CUDA_VISIBLE_DEVICES",
        )
    import torch

    device = torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ArgumentError("device", f"torch cannot find the GPU {device}: choose another GPU, or cpu")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise ArgumentError("device", "torch does not support mps on this machine: choose cpu")
    return device
