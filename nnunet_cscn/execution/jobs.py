"""Run many commands at a time and show where each is."""

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

from nnunet_cscn.errors import CommandFailed, UserError

JobState = Literal["waiting", "running", "done", "failed"]

POLL_SECONDS = 0.5
_TAIL_BYTES = 4096


class JobRefused(UserError):  # noqa: N818  it is what happened
    """An executor does not take a job."""


@dataclass(frozen=True)
class Job:
    """A command that is to be run somewhere.

    Attributes:
        name: What people call it.
        command: The command and its arguments; ``{device}`` stands for ``cuda`` or ``cpu``, wherever it ends up.
        log_file: Where its output goes.
        progress: A pattern whose last match in the log gives the number of finished steps.
        total: How many steps there are.
        array: Jobs with the same word here go to a cluster together, as one array; None for a job on its own.
    """

    name: str
    command: tuple[str, ...]
    log_file: Path
    progress: str | None = None
    total: int | None = None
    array: str | None = None

    def forget_log(self) -> None:
        """Remove the log of an earlier attempt, so that nobody takes its progress for this one's."""
        self.log_file.unlink(missing_ok=True)

    def done_steps(self) -> int:
        """Return how far the log says that the job is."""
        if self.progress is None:
            return 0
        try:
            with self.log_file.open("rb") as file:
                file.seek(max(0, self.log_file.stat().st_size - _TAIL_BYTES))
                tail = file.read().decode(errors="replace")
        except OSError:  # not there yet, or a file server that hesitates
            return 0
        found = re.findall(self.progress, tail, flags=re.MULTILINE)
        return int(found[-1]) if found else 0


class Running(Protocol):
    """A job that was handed over."""

    def running(self) -> bool:
        """Tell whether it has begun and not ended."""

    def done(self) -> bool:
        """Tell whether it has ended."""

    def result(self) -> None:
        """Return when it has ended well; raise what ended it otherwise."""


class Executor(Protocol):
    """Something that runs jobs."""

    def submit(self, jobs: Sequence[Job]) -> Iterable[tuple[Job, Running]]:
        """Hand jobs over; each is yielded as soon as that is done."""

    def cancel(self) -> None:
        """Stop all that was handed over."""


RunJobs = Callable[[Executor, Sequence[Job]], None]  # run_jobs, with whatever shows where the jobs are


def run_jobs(
    executor: Executor,
    jobs: Sequence[Job],
    *,
    on_progress: Callable[[Job, int], None] = lambda job, done: None,
    on_state: Callable[[Job, JobState, str], None] = lambda job, state, reason: None,
) -> None:
    """Run jobs that do not depend on each other to their end.

    When one fails, or is refused, the others go on; an interrupt stops all.

    Args:
        executor: What runs them.
        jobs: The jobs.
        on_progress: Called now and then with a job and the number of its finished steps, and at its end with all.
        on_state: Called with a job, its new state, and why it failed.

    Raises:
        CommandFailed: When any failed, with all reasons.
        JobRefused: When the executor refuses one.
    """
    with _interrupted_by_termination():
        _run_jobs(executor, jobs, on_progress, on_state)


def _run_jobs(
    executor: Executor,
    jobs: Sequence[Job],
    on_progress: Callable[[Job, int], None],
    on_state: Callable[[Job, JobState, str], None],
) -> None:
    running: dict[Job, Running] = {}
    furthest = dict.fromkeys(jobs, 0)
    failures: list[str] = []
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
                    furthest[job] = max(furthest[job], job.done_steps())
                    on_progress(job, furthest[job])
                    continue
                del running[job]
                try:
                    handle.result()
                except (Exception, CancelledError) as failure:
                    failures.append(f"{job.name}: {failure}")
                    on_state(job, "failed", str(failure))
                else:
                    on_progress(job, job.total or 1)
                    on_state(job, "done", "")
    except JobRefused:  # no reason to stop those that run
        raise
    except BaseException:
        executor.cancel()
        raise
    if failures:
        raise CommandFailed("\n".join(failures))


@contextlib.contextmanager
def _interrupted_by_termination() -> Iterator[None]:
    """Take a batch system's SIGTERM and a closed terminal's SIGHUP as an interrupt, so that jobs end with us.

    Only while jobs run: processes that are forked under such a handler may miss the signal that ends them.
    """
    is_ours = threading.current_thread() is threading.main_thread()
    if not is_ours or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:  # someone else sees to it
        yield
        return
    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, signal.default_int_handler) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
