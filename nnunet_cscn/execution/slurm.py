"""Run jobs through Slurm with submitit."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from nnunet_cscn.errors import ArgumentError, CommandFailed, DiskFull, UserError
from nnunet_cscn.execution.commands import run_command
from nnunet_cscn.execution.full_disk import full_disk
from nnunet_cscn.execution.jobs import Job, JobRefused
from nnunet_cscn.files import read_json_file, write_json
from nnunet_cscn.nnunet.discovery import ensure_registered

SLOW_FILE_SERVER_SECONDS = 15  # until it shows what a node has written
_ENDED_WELL = ("COMPLETED", "COMPLETING")


class SlurmExecutor:
    """Submits jobs to Slurm, or finds jobs that an earlier run of the command has submitted.

    A file beside the log of a job stores its Slurm job. So a command that was killed can be run again and finds its
    jobs. A second file stores how the job ended. Both files are JSON: nothing is unpickled here.

    Args:
        folder: Folder for submitit's files. All nodes must have access to it and to nnU-Net's folders.
        options: Parameters of submitit, such as ``slurm_partition`` and ``timeout_min``.
        cluster: submitit's name of the cluster; None to detect it.

    Raises:
        UserError: If submitit is not installed or does not know an option.
    """

    def __init__(self, folder: Path, options: Mapping[str, str | int], *, cluster: str | None = "slurm") -> None:
        try:
            import submitit
        except ImportError:
            raise UserError("Slurm support needs submitit: run `pip install submitit`") from None
        try:
            self._executor = submitit.AutoExecutor(folder=folder, cluster=cluster)
            self._executor.update_parameters(**options)
            self._job_class = self._executor._executor.job_class
        except (NameError, RuntimeError, AssertionError, TypeError, ValueError) as refused:
            raise ArgumentError("slurm", str(refused) or "an option has a value of the wrong type") from None
        self._submitted: dict[Path, Any] = {}

    def submit(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, SlurmJob]]:
        """Submit jobs (job arrays together), or wait for those that are already submitted."""
        new: dict[str | Job, list[Job]] = {}
        for job in jobs:
            handle = _find_submitted_job(_handle_file(job), self._job_class)
            if handle is None:
                new.setdefault(job.array or job, []).append(job)
            else:
                yield job, self._record_job(job, handle)
        for together in new.values():
            handles = self._submit_together(together)
            # record all before anything else can fail, because jobs without a record are submitted again
            yield from [(job, self._record_job(job, handle)) for job, handle in zip(together, handles, strict=True)]

    def _submit_together(self, jobs: Sequence[Job]) -> list[Any]:
        for job in jobs:
            job.remove_log()
            _outcome_file(job).unlink(missing_ok=True)
        try:
            with self._executor.batch() if len(jobs) > 1 else contextlib.nullcontext():
                return [self._executor.submit(run_on_node, job) for job in jobs]
        except (RuntimeError, OSError) as refused:
            raise JobRefused(
                f"Slurm does not take {jobs[0].array or jobs[0].name}: {refused}; what it has taken goes on, and the "
                "same command waits for it"
            ) from None

    def _record_job(self, job: Job, handle: Any) -> SlurmJob:
        """Store which Slurm job it is."""
        file = _handle_file(job)
        self._submitted[file] = handle
        write_json(file, {"job_id": str(handle.job_id), "folder": str(handle.paths.folder)})
        return SlurmJob(handle, _outcome_file(job))

    def cancel(self) -> None:
        """Cancel all jobs that were submitted or found."""
        for handle_file, job in self._submitted.items():
            job.cancel(check=False)
            handle_file.unlink(missing_ok=True)  # a cancelled job must not be found again


class SlurmJob:
    """A job submitted to Slurm.

    Args:
        job: submitit's handle.
        outcome_file: File in which the job stores how it ended. submitit's own file for this is a pickle.
    """

    def __init__(self, job: Any, outcome_file: Path) -> None:
        self._job = job
        self._outcome_file = outcome_file

    def running(self) -> bool:
        """Return whether Slurm has started it on a node."""
        return str(self._job.state) in ("RUNNING", "COMPLETING")

    def done(self) -> bool:
        """Return whether it has ended."""
        return bool(self._job.done())

    def result(self) -> None:
        """Return None if it ended without error.

        Raises:
            CommandFailed: If it failed; DiskFull if it lacked room on a disk.
        """
        end = time.monotonic() + (SLOW_FILE_SERVER_SECONDS if self._job.state in _ENDED_WELL else 0)
        while not self._outcome_file.is_file() and time.monotonic() < end:
            time.sleep(1)
        outcome = read_json_file(self._outcome_file) if self._outcome_file.is_file() else None
        if not isinstance(outcome, dict):  # killed, timed out, a node lost, or no room for it
            said = self._job.stderr() or ""
            if (reason := full_disk(self._outcome_file, said.splitlines())) is not None:
                raise DiskFull(f"{reason}: free some, and run the same command again")
            raise CommandFailed(f"{self._job.state}: {_last_line(said or 'it left no word of its end')}")
        if failure := outcome.get("failure"):
            raise (DiskFull if outcome.get("disk_is_full") else CommandFailed)(str(failure))


def _last_line(text: str) -> str:
    """Return the last line of what a job wrote to its standard error."""
    lines = [line.strip() for line in text.splitlines() if line.strip(" -")]
    return lines[-1] if lines else text


def _handle_file(job: Job) -> Path:
    return job.log_file.with_suffix(".submitted")


def _outcome_file(job: Job) -> Path:
    return job.log_file.with_suffix(".outcome")


def _find_submitted_job(handle_file: Path, job_class: Any) -> Any:
    """Return submitit's handle of a waiting or running job; None if there is none.

    Raises:
        JobRefused: If its state is unknown. Submitted again, it might run twice in the same folder.
    """
    if not handle_file.is_file():
        return None
    try:
        content = json.loads(handle_file.read_bytes())
        job = job_class(folder=content["folder"], job_id=str(content["job_id"]))
        is_done, state = job.done(force_check=True), str(job.state)
    except Exception as fault:  # damaged, or of a version before this one
        raise JobRefused(
            f"{handle_file} cannot be read ({fault}): if the job that it stands for does not run any more (`squeue`), "
            "remove the file"
        ) from None
    if is_done:
        return None
    # submitit reports UNKNOWN if Slurm's accounting does not answer or no longer knows the job
    return job if state != "UNKNOWN" or _is_queued(str(job.job_id), handle_file) else None


def _is_queued(job_id: str, handle_file: Path) -> bool:
    try:
        asked = subprocess.run(["squeue", "-h", "-j", job_id], capture_output=True, encoding="utf-8", check=False)
    except OSError as fault:
        answer = str(fault)
    else:
        if asked.returncode == 0:
            return bool(asked.stdout.strip())
        if "Invalid job id" in asked.stderr:  # ended some time ago
            return False
        answer = asked.stderr.strip()
    raise JobRefused(
        f"Slurm does not say whether job {job_id} still runs ({answer}): try again later, or remove {handle_file} "
        "if it does not"
    )


def run_on_node(job: Job) -> None:
    """Run the command of a job on a node, on a GPU if there is one. Store the reason of a failure."""
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    ensure_registered()
    env = {**os.environ, "PYTHONUNBUFFERED": "1"}
    try:
        run_command([part.format(device=device) for part in job.command], job.log_file, env=env)
    except CommandFailed as failure:
        write_json(_outcome_file(job), {"failure": str(failure), "disk_is_full": isinstance(failure, DiskFull)})
    else:
        write_json(_outcome_file(job), {"failure": None})


def parse_options(text: str) -> dict[str, str | int]:
    """Read options such as ``slurm_partition=gpu,timeout_min=2880,gpus_per_node=1``.

    Raises:
        ArgumentError: If an entry has no value.

    Example:
        >>> parse_options("slurm_partition=gpu,timeout_min=60")
        {'slurm_partition': 'gpu', 'timeout_min': 60}
    """
    options: dict[str, str | int] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = part.partition("=")
        if not (equals and name and value):
            raise ArgumentError("slurm", f"expected NAME=VALUE, separated by commas; got {part!r}")
        options[name] = int(value) if value.isdecimal() else value
    return options
