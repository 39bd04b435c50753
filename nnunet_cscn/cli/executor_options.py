"""The options by which commands choose where their jobs run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nnunet_cscn.errors import UserError
from nnunet_cscn.execution.jobs import Executor
from nnunet_cscn.execution.local import LocalExecutor, parse_devices
from nnunet_cscn.execution.slurm import SlurmExecutor, parse_options

Devices = Annotated[
    str | None,
    typer.Option(metavar="LIST", show_default="all GPUs, else cpu", help="Devices, such as cuda:0,cuda:1 or cpu."),
]
Slurm = Annotated[
    str | None,
    typer.Option(metavar="OPTIONS", help="Submit to Slurm, with slurm_partition=gpu,timeout_min=2880 for example."),
]


def chosen_devices(text: str | None) -> list[str]:
    """Return the devices that were named, or all GPUs, or the CPU; imports torch in the second case."""
    if text is not None:
        return parse_devices(text)
    import torch

    return [f"cuda:{index}" for index in range(torch.cuda.device_count())] or ["cpu"]


def chosen_executor(devices: str | None, slurm: str | None, *, folder: Path) -> Executor:
    """Return the executor that the options ask for.

    Args:
        devices: What ``--devices`` says.
        slurm: What ``--slurm`` says.
        folder: Where submitit may keep its files.

    Raises:
        UserError: When both are given or one is wrong.
    """
    if slurm is None:
        return LocalExecutor(chosen_devices(devices))
    if devices is not None:
        raise UserError("--devices and --slurm: give one of them; Slurm chooses the devices itself")
    return SlurmExecutor(folder, parse_options(slurm))
