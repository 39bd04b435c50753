"""Run jobs on this machine, one at a time per device."""

from __future__ import annotations

import os
import queue
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock

from nnunet_cscn.errors import ArgumentError, CommandFailed
from nnunet_cscn.execution.commands import FASTER_ON_CPU, run_command
from nnunet_cscn.execution.jobs import Job
from nnunet_cscn.execution.log_lock import is_locked
from nnunet_cscn.execution.process_groups import stop_groups
from nnunet_cscn.nnunet.discovery import ensure_registered


class LocalExecutor:
    """Runs each job in its own process, as many in parallel as there are devices.

    Args:
        devices: ``cpu``, ``cuda`` or ``cuda:N``. A device that is listed twice runs two jobs in parallel.

    Raises:
        UserError: If a device is not visible.
    """

    def __init__(self, devices: Sequence[str]) -> None:
        self._devices: queue.SimpleQueue[tuple[str, dict[str, str]]] = queue.SimpleQueue()
        for device in devices:
            self._devices.put((device.partition(":")[0], _environment(device, n_cpu_jobs=devices.count("cpu"))))
        self._pool = ThreadPoolExecutor(max_workers=len(devices))
        self._lock = Lock()
        self._running: dict[Job, subprocess.Popen[bytes]] = {}
        self._is_cancelled = False

    def submit(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, Future[None]]]:
        """Queue jobs."""
        for job in jobs:
            if not is_locked(job.log_file):  # otherwise the job is refused; the log belongs to the running one
                job.remove_log()
            yield job, self._pool.submit(self._run, job)

    def cancel(self) -> None:
        """Stop running jobs and drop waiting ones."""
        with self._lock:
            self._is_cancelled = True
            running = list(self._running.values())
        self._pool.shutdown(wait=False, cancel_futures=True)
        stop_groups(running)
        self._pool.shutdown(wait=True)

    def _run(self, job: Job) -> None:
        device, env = self._devices.get()
        try:
            command = [part.format(device=device) for part in job.command]
            run_command(command, job.log_file, env=env, on_start=lambda process: self._register_process(job, process))
        finally:
            with self._lock:
                self._running.pop(job, None)  # the process id may be reused from now on
            self._devices.put((device, env))

    def _register_process(self, job: Job, process: subprocess.Popen[bytes]) -> None:
        with self._lock:
            self._running[job] = process
            if self._is_cancelled:  # it started while cancel stopped the others
                raise CommandFailed("interrupted")


def all_devices() -> list[str]:
    """Return all GPUs that torch finds, such as ``cuda:0``; the CPU if there is none."""
    import torch

    return [f"cuda:{index}" for index in range(torch.cuda.device_count())] or ["cpu"]


def parse_devices(text: str) -> list[str]:
    """Read a list such as ``cuda:0,cuda:1`` or ``cpu``.

    Raises:
        ArgumentError: If an entry is not a device.

    Example:
        >>> parse_devices("cuda:0, cuda:1")
        ['cuda:0', 'cuda:1']
    """
    devices = [part.strip() for part in text.split(",")]
    for device in devices:
        kind, colon, index = device.partition(":")
        if not (device in ("cpu", "cuda") or (kind == "cuda" and colon and index.isdecimal())):
            raise ArgumentError("devices", f"expected cpu, or GPUs such as cuda:0,cuda:1; got {device!r}")
    return devices


def _environment(device: str, *, n_cpu_jobs: int) -> dict[str, str]:
    ensure_registered()
    kind, _, index = device.partition(":")
    placed = {"CUDA_VISIBLE_DEVICES": _visible_device(int(index))} if index else {}
    faster = dict(FASTER_ON_CPU) if kind == "cpu" else {}
    if kind == "cpu" and n_cpu_jobs > 1 and "OMP_NUM_THREADS" not in os.environ:  # share the cores between the jobs
        faster["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 1) // n_cpu_jobs))
    return {**os.environ, **faster, **placed, "PYTHONUNBUFFERED": "1"}


def _visible_device(index: int) -> str:
    """Return the name of the ``index``-th GPU that this process may use."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return str(index)
    names = [name.strip() for name in visible.split(",") if name.strip()]
    if index >= len(names):
        raise ArgumentError(
            "devices",
            f"cuda:{index} not found: with CUDA_VISIBLE_DEVICES={visible} there are {len(names)} GPUs, counted from 0",
        )
    return names[index]
