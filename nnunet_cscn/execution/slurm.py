"""Run jobs through Slurm, by submitit."""

from __future__ import annotations

import os
import pickle
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nnunet_cscn.discovery import ensure_registered
from nnunet_cscn.errors import CommandFailed, UserError
from nnunet_cscn.execution.commands import run_command
from nnunet_cscn.execution.jobs import Job
from nnunet_cscn.files import replacing

ALIVE = frozenset({"PENDING", "CONFIGURING", "READY", "RUNNING", "SUSPENDED", "REQUEUED", "RESIZING", "COMPLETING"})
SECONDS_UNTIL_LISTED = 120  # Slurm's accounting takes a while before it knows a new job


class SlurmExecutor:
    """Submits each job to Slurm, unless an earlier run of the command has left it there.

    Beside the log of a job stands a file that tells which of Slurm's jobs it is, so that a command that was killed
    finds its jobs again.

    Args:
        folder: Where submitit keeps its files; every node has to see it, and nnU-Net's folders.
        options: submitit's parameters, such as ``slurm_partition`` and ``timeout_min``.
        cluster: submitit's name of the cluster; None for the one that it finds.

    Raises:
        UserError: When submitit is not installed, or knows no such option.
    """

    def __init__(self, folder: Path, options: Mapping[str, str | int], *, cluster: str | None = "slurm") -> None:
        try:
            import submitit
        except ImportError:
            raise UserError("--slurm needs submitit: `pip install submitit`") from None
        try:
            self._executor = submitit.AutoExecutor(folder=folder, cluster=cluster)
            self._executor.update_parameters(**options)
        except (NameError, RuntimeError, AssertionError, TypeError, ValueError) as refused:
            raise UserError(f"--slurm: {str(refused) or 'an option has a value of the wrong kind'}") from None
        self._submitted: list[Any] = []

    def submit(self, job: Job) -> SlurmJob:
        """Submit a job, or wait for the one that waits or runs already."""
        handle_file = job.log_file.with_suffix(".submitted")
        submitted = _still_there(handle_file)
        if submitted is None:
            job.forget_log()
            try:
                submitted = self._executor.submit(run_on_node, job)
            except (RuntimeError, OSError) as refused:
                raise UserError(f"Slurm does not take {job.name}: {refused}") from None
            with replacing(handle_file) as temporary:
                temporary.write_bytes(pickle.dumps(submitted))
        self._submitted.append(submitted)
        return SlurmJob(submitted)

    def cancel(self) -> None:
        """Cancel all that was submitted."""
        for job in self._submitted:
            job.cancel(check=False)


class SlurmJob:
    """A job that was submitted.

    Args:
        job: submitit's handle.
    """

    def __init__(self, job: Any) -> None:
        self._job = job

    def done(self) -> bool:
        """Tell whether it has ended."""
        return bool(self._job.done())

    def result(self) -> None:
        """Return when it has ended well.

        Raises:
            CommandFailed: When it has not.
        """
        died = self._job.exception()  # killed, timed out, a node lost
        if died is not None:
            raise CommandFailed(str(died))
        if failure := self._job.result():
            raise CommandFailed(failure)


def _still_there(handle_file: Path) -> Any:
    """Return submitit's handle of a job that waits or runs; None where there is none."""
    try:
        job = pickle.loads(handle_file.read_bytes())
        state = str(job.state).split(" ")[0]
        is_young = time.time() - handle_file.stat().st_mtime < SECONDS_UNTIL_LISTED
    except Exception:  # not there, damaged, or of another version of submitit: no job can be found by it
        return None
    if job.paths.result_pickle.exists():
        return None
    return job if state in ALIVE or (state == "UNKNOWN" and is_young) else None


def run_on_node(job: Job) -> str | None:
    """Run a job's command on the node, on a GPU where there is one; return why it failed, or None."""
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    ensure_registered()
    env = {**os.environ, "PYTHONUNBUFFERED": "1"}
    try:
        run_command([part.format(device=device) for part in job.command], job.log_file, env=env)
    except CommandFailed as failure:
        return str(failure)
    return None


def parse_options(text: str) -> dict[str, str | int]:
    """Read options such as ``slurm_partition=gpu,timeout_min=2880,gpus_per_node=1``.

    Raises:
        UserError: When an entry has no value.

    Example:
        >>> parse_options("slurm_partition=gpu,timeout_min=60")
        {'slurm_partition': 'gpu', 'timeout_min': 60}
    """
    options: dict[str, str | int] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = part.partition("=")
        if not (equals and name and value):
            raise UserError(f"--slurm: expected NAME=VALUE with commas between, got {part!r}")
        options[name] = int(value) if value.isdecimal() else value
    return options
