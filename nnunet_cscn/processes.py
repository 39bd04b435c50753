"""End processes together with the process that started them."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

_SET_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of Linux
_POLL_SECONDS = 0.05
_KILL = getattr(signal, "SIGKILL", signal.SIGTERM)  # on Windows, SIGTERM cannot be caught either
_PROCESSES = Path("/proc")  # Linux alone has it


def die_with(parent: int) -> None:
    """Make the kernel kill this process when its parent process ends.

    Args:
        parent: Process number of the parent.
    """
    if not sys.platform.startswith("linux"):
        return
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, _KILL)
    if os.getppid() != parent:  # the parent has already ended
        os.kill(os.getpid(), _KILL)


def descendants(pid: int) -> list[int]:
    """Return all processes that a process started, directly or indirectly; none on systems other than Linux."""
    children: dict[int, list[int]] = {}
    for entry in _PROCESSES.iterdir() if _PROCESSES.is_dir() else ():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError, IndexError, ValueError):
                fields = (entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
                children.setdefault(int(fields[1]), []).append(int(entry.name))
    found, waiting = list[int](), [pid]
    while waiting:
        new = children.get(waiting.pop(), [])
        found += new
        waiting += new
    return found


def end_all(pids: Sequence[int], *, grace_seconds: float) -> None:
    """End processes: first with SIGTERM, then with SIGKILL.

    Args:
        pids: Process numbers.
        grace_seconds: Time between both signals.
    """
    _send(pids, signal.SIGTERM)
    end = time.monotonic() + grace_seconds
    while any(_lives(pid) for pid in pids) and time.monotonic() < end:
        time.sleep(_POLL_SECONDS)
    _send(pids, _KILL)


def _send(pids: Sequence[int], number: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            # members of its group may have lost their parent; Windows has no groups
            is_leader = hasattr(os, "killpg") and os.getpgid(pid) == pid
            (os.killpg if is_leader else os.kill)(pid, number)


def _lives(pid: int) -> bool:
    try:
        return (
            Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0] != "Z"
        )
    except (OSError, IndexError):
        return False
