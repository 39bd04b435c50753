"""Run several commands in parallel and report their progress."""

from __future__ import annotations

import contextlib
import re
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from nnunet_cscn.errors import CommandFailed, DiskFull, UserError

JobState = Literal["waiting", "running", "done", "failed"]

POLL_SECONDS = 0.5
_TAIL_BYTES = 4096


class JobRefused(UserError):  # noqa: N818  names the event
    """An executor refuses a job."""


@dataclass(frozen=True)
class Job:
    """A command to run.

    Attributes:
        name: Name of the job in messages.
        command: The command and its arguments. ``{device}`` is replaced by ``cuda`` or ``cpu``.
        log_file: File for its output.
        progress: Regular expression. Its last match in the log is the number of finished steps.
        total: Total number of steps; None if it is not known yet.
        new_total: Regular expression. Its last match in the log is the total number of steps, where that may change.
        array: Jobs with the same value are submitted to a cluster as one job array; None for a single job.
    """

    name: str
    command: tuple[str, ...]
    log_file: Path
    progress: str | None = None
    total: int | None = None
    new_total: str | None = None
    array: str | None = None

    def remove_log(self) -> None:
        """Remove the log of an earlier attempt, so that its progress is not reported for this one."""
        self.log_file.unlink(missing_ok=True)

    def done_steps(self) -> int:
        """Return the number of finished steps according to the log."""
        return self._last_number(self.progress) or 0

    def total_steps(self) -> int | None:
        """Return the total number of steps according to the last lines of the log, or None."""
        return self._last_number(self.new_total)

    def _last_number(self, pattern: str | None) -> int | None:
        if pattern is None:
            return None
        try:
            with self.log_file.open("rb") as file:
                file.seek(max(0, self.log_file.stat().st_size - _TAIL_BYTES))
                tail = file.read().decode(errors="replace")
        except OSError:  # not written yet, or a slow file server
            return None
        found = re.findall(pattern, tail, flags=re.MULTILINE)
        return int(found[-1]) if found else None


class RunningJob(Protocol):
    """A submitted job."""

    def running(self) -> bool:
        """Return whether it has started and not ended."""

    def done(self) -> bool:
        """Return whether it has ended."""

    def result(self) -> None:
        """Return None if it ended without error; otherwise raise the error."""


class Executor(Protocol):
    """Runs jobs, locally or on a cluster."""

    def submit(self, jobs: Sequence[Job]) -> Iterable[tuple[Job, RunningJob]]:
        """Submit jobs. Each is yielded as soon as it is submitted."""

    def cancel(self) -> None:
        """Stop all submitted jobs."""


RunJobs = Callable[[Executor, Sequence[Job]], None]  # such as run_jobs with a progress display


def run_jobs(
    executor: Executor,
    jobs: Sequence[Job],
    *,
    on_progress: Callable[[Job, int], None] = lambda job, done: None,
    on_state: Callable[[Job, JobState, str], None] = lambda job, state, reason: None,
    on_total: Callable[[Job, int], None] = lambda job, total: None,
) -> None:
    """Run independent jobs until all have ended.

    If one fails or is refused, the others continue. An interrupt stops all.

    Args:
        executor: Executor that runs them.
        jobs: The jobs.
        on_progress: Called regularly with a job and the number of its finished steps, and at its end with the total.
        on_state: Called with a job, its new state, and the reason if it failed.
        on_total: Called with a job and its total number of steps when this number changes.

    Raises:
        CommandFailed: If a job failed, with the reasons of all failed jobs. DiskFull if all lacked room on a disk.
        JobRefused: If the executor refuses a job.
    """
    with _interrupted_by_termination():
        _run_jobs(executor, jobs, on_progress, on_state, on_total)


def _run_jobs(
    executor: Executor,
    jobs: Sequence[Job],
    on_progress: Callable[[Job, int], None],
    on_state: Callable[[Job, JobState, str], None],
    on_total: Callable[[Job, int], None],
) -> None:
    running: dict[Job, RunningJob] = {}
    furthest = dict.fromkeys(jobs, 0)
    totals = {job: job.total for job in jobs}

    def show_total(job: Job, total: int | None) -> None:
        if total is not None and total != totals[job]:
            totals[job] = total
            on_total(job, total)

    failures: dict[str, BaseException] = {}
    try:
        for job, handle in executor.submit(jobs):
            running[job] = handle
            on_state(job, "waiting", "")
        waiting = set(running)
        while running:
            time.sleep(POLL_SECONDS)
            for job, handle in list(running.items()):
                if not handle.done():
                    if job in waiting and handle.running():
                        waiting.remove(job)
                        on_state(job, "running", "")
                    show_total(job, job.total_steps())
                    furthest[job] = max(furthest[job], job.done_steps())
                    on_progress(job, furthest[job])
                    continue
                del running[job]
                try:
                    handle.result()
                except (Exception, CancelledError) as failure:
                    failures[f"{job.name}: {failure}"] = failure
                    on_state(job, "failed", str(failure))
                else:
                    show_total(job, job.total_steps() or totals[job] or 1)
                    on_progress(job, totals[job] or 1)
                    on_state(job, "done", "")
    except JobRefused:  # the other jobs continue
        raise
    except BaseException:
        executor.cancel()
        raise
    if failures:
        lack_room = all(isinstance(failure, DiskFull) for failure in failures.values())
        raise (DiskFull if lack_room else CommandFailed)("\n".join(failures))


@contextlib.contextmanager
def _interrupted_by_termination() -> Iterator[None]:
    """Treat SIGTERM (batch system) and SIGHUP (closed terminal) as an interrupt, so that the jobs are stopped too.

    The handlers are set only while jobs run: processes forked while they are set may miss the signal that ends them.
    """
    is_ours = threading.current_thread() is threading.main_thread()
    if not is_ours or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:  # someone else sees to it
        yield
        return
    numbers = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]  # Windows has no SIGHUP
    before = [signal.signal(number, signal.default_int_handler) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
