"""Lock a log file, so that only one command at a time writes to it.

On Linux and macOS, the started command inherits the lock with its output. It keeps the lock even if the process that
started it is killed. Windows has no such locks. There, the process that starts the command locks a file ``LOG.lock``,
and the lock ends with that process.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from filelock import FileLock, Timeout

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_POLL_SECONDS = 0.1


@contextlib.contextmanager
def log_lock(log_file: Path, log: IO[bytes], *, timeout_s: float) -> Iterator[None]:
    """Hold the lock of a log file.

    Args:
        log_file: The log.
        log: The same file, open. A command that is started with it as its output inherits the lock where the system
            can do that.
        timeout_s: How long to wait for another command that holds the lock. The last processes of an earlier command
            may need a moment to end.

    Raises:
        TimeoutError: If another command still holds the lock after that time.
    """
    if fcntl is None:
        with _separate_lock(log_file).acquire(timeout=timeout_s, poll_interval=_POLL_SECONDS):
            yield
        return
    _wait_for_inherited_lock(log, timeout_s)
    yield  # the lock ends when all copies of the open file are closed


def is_locked(log_file: Path) -> bool:
    """Return whether a command writes to this log now, here or on a machine that shares the file system."""
    if not log_file.is_file():
        return False
    if fcntl is not None:
        with log_file.open("rb") as log:
            return not _lock(log)
    try:
        with _separate_lock(log_file).acquire(timeout=0):
            return False
    except Timeout:
        return True


def _separate_lock(log_file: Path) -> FileLock:
    return FileLock(log_file.with_name(f"{log_file.name}.lock"))


def _wait_for_inherited_lock(log: IO[bytes], timeout_s: float) -> None:
    end = time.monotonic() + timeout_s
    while not (has_lock := _lock(log)) and time.monotonic() < end:
        time.sleep(_POLL_SECONDS)
    if not has_lock:
        raise TimeoutError


def _lock(log: IO[bytes]) -> bool:
    try:
        fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
