"""Options that select where jobs run, and the progress display of jobs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from nnunet_cscn.cli.app import progress_bar
from nnunet_cscn.errors import UserError
from nnunet_cscn.execution.jobs import Executor, Job, run_jobs
from nnunet_cscn.execution.local import LocalExecutor, all_devices, parse_devices
from nnunet_cscn.execution.slurm import SlurmExecutor, parse_options

Devices = Annotated[
    str | None,
    typer.Option(
        metavar="LIST", show_default="all GPUs, else cpu", help="Devices to use, such as cuda:0,cuda:1 or cpu."
    ),
]
Slurm = Annotated[
    str | None,
    typer.Option(
        metavar="OPTIONS",
        help="Submit jobs to Slurm with these options, such as slurm_partition=gpu,gpus_per_node=1,timeout_min=2880.",
    ),
]


def chosen_devices(text: str | None) -> list[str]:
    """Return the given devices. If none are given: all GPUs, or the CPU (this imports torch)."""
    if text is not None:
        return parse_devices(text)
    return all_devices()


def run_with_progress(executor: Executor, jobs: Sequence[Job]) -> None:
    """Run jobs until they end, with a progress bar for each job."""
    with progress_bar() as progress:
        tasks = {job: progress.add_task(job.name, total=job.total) for job in jobs}
        run_jobs(
            executor,
            jobs,
            on_progress=lambda job, done: progress.update(tasks[job], completed=done),
            on_total=lambda job, total: progress.update(tasks[job], total=total),
        )


def chosen_executor(devices: str | None, slurm: str | None, *, folder: Path) -> Executor:
    """Return the executor that the options select.

    Args:
        devices: The value of ``--devices``.
        slurm: The value of ``--slurm``.
        folder: Folder for the files of submitit.

    Raises:
        UserError: When both are given, or one is not valid.
    """
    if slurm is None:
        return LocalExecutor(chosen_devices(devices))
    if devices is not None:
        raise UserError(
            "--devices and --slurm cannot be used together: remove --devices, because Slurm selects the devices"
        )
    options = parse_options(slurm)
    if "timeout_min" not in options:
        raise UserError(
            "--slurm: timeout_min is missing (the default of submitit is only five minutes): add it, and "
            "gpus_per_node=1 for a GPU, such as "
            "--slurm slurm_partition=gpu,gpus_per_node=1,timeout_min=2880"
        )
    return SlurmExecutor(folder, options)
