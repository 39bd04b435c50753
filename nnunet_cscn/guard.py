"""Run a command, and stop it with all processes that it started when the process that wanted it ends.

A killed process (SIGKILL, out of memory) cannot stop what it started. So this script stands between: Linux sends it a
signal when its parent ends. It runs by its path in an isolated interpreter, so it imports the standard library alone.

Usage: python -I guard.py PARENT COMMAND [ARGUMENT ...]
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys

SET_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of Linux
GRACE_SECONDS = 1.5
KILL = getattr(signal, "SIGKILL", signal.SIGTERM)  # on Windows, SIGTERM cannot be caught either


class Stopped(BaseException):
    """The parent ended, or sent SIGTERM."""


def main() -> None:
    """Run the command of the command line, and end as it does."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    signal.signal(signal.SIGTERM, _stop)
    try:
        die_with(parent, signal.SIGTERM)
        status = _status_of(command, parent)
    except Stopped:
        os.killpg(0, KILL)
        raise  # not reached: the group contains this process
    if status < 0:  # a signal ended it: the same one ends this process
        with contextlib.suppress(OSError):  # SIGKILL has no handler
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    sys.exit(status)


def _status_of(command: list[str], parent: int) -> int:
    own = os.getpid()
    process = subprocess.Popen(command, preexec_fn=lambda: die_with(own, KILL))  # noqa: PLW1509  no threads
    try:
        return process.wait()
    except Stopped:
        if os.getppid() != parent:  # otherwise the whole group got the signal
            os.killpg(0, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_SECONDS)
        raise


def die_with(parent: int, number: int) -> None:
    """Make the kernel send this process a signal when its parent process ends. Only Linux can.

    Args:
        parent: Process number of the parent.
        number: The signal.
    """
    if not sys.platform.startswith("linux"):
        return
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(SET_PARENT_DEATH_SIGNAL, number)
    if os.getppid() != parent:  # the parent has already ended
        os.kill(os.getpid(), number)


def _stop(_number: int, _frame: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it comes back from the group, see above
    raise Stopped


if __name__ == "__main__":
    main()
