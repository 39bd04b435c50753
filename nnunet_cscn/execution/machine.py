"""The GPUs and the memory of this machine for training."""

from __future__ import annotations

import os
from collections.abc import Sequence

from nnunet_cscn.errors import ArgumentError

CPU_MEMORY_GB = 8.0  # nnU-Net's own plans are made for this much
SHARE_OF_GPU = 0.9  # the rest is for the driver and for what else uses the GPU
SHARE_OF_RAM = 0.25  # loaders, augmentation and the system need the rest
LEAST_GB = 0.5  # below it nnU-Net's planner cannot shrink a patch far enough


def check_gpus(devices: Sequence[str]) -> None:
    """Check that this machine has all GPUs in a list of devices.

    Args:
        devices: ``cpu``, ``cuda`` or ``cuda:N``.

    Raises:
        ArgumentError: When torch does not find one of them.
    """
    if all(device == "cpu" for device in devices):
        return
    import torch

    n_gpus = torch.cuda.device_count()
    for device in devices:
        if device.startswith("cuda") and _index(device) >= n_gpus:
            raise ArgumentError("devices", f"torch cannot find the GPU {device}: choose another GPU, or cpu")


def memory_gb(device: str) -> float:
    """Return the memory for which a training on a device should be planned, in GB.

    Args:
        device: ``cpu``, ``cuda`` or ``cuda:N``.

    Returns:
        Nine tenths of the memory of a GPU. On the CPU, a quarter of the main memory and at most 8 GB, and 8 GB if the
        system does not report its memory.
    """
    if device.startswith("cuda"):
        import torch

        total = float(torch.cuda.get_device_properties(_index(device)).total_memory) / 2**30
        return max(LEAST_GB, round(total * SHARE_OF_GPU, 1))
    total_ram = _ram_gb()
    share = CPU_MEMORY_GB if total_ram is None else total_ram * SHARE_OF_RAM
    return max(LEAST_GB, min(CPU_MEMORY_GB, round(share, 1)))


def _index(gpu: str) -> int:
    return int(gpu.partition(":")[2] or 0)


def _ram_gb() -> float | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (AttributeError, ValueError, OSError):  # Windows; or a system that does not tell
        return None
