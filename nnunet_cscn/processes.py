"""Processes that are not to outlive the one that started them."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

_SET_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of Linux
_POLL_SECONDS = 0.05


def die_with(parent: int) -> None:
    """Have the kernel kill this process as soon as the one that started it is gone, however that ends.

    Args:
        parent: The number of the process that started this one.
    """
    with contextlib.suppress(OSError, AttributeError):  # another system than Linux
        ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:  # it was gone already
        os.kill(os.getpid(), signal.SIGKILL)


def descendants(pid: int) -> list[int]:
    """Return the processes that a process has started, those that these have started, and so on."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
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
    """End processes: politely first, then for good.

    Args:
        pids: Their numbers.
        grace_seconds: How long all of them together may take to end by themselves.
    """
    _send(pids, signal.SIGTERM)
    end = time.monotonic() + grace_seconds
    while any(_lives(pid) for pid in pids) and time.monotonic() < end:
        time.sleep(_POLL_SECONDS)
    _send(pids, signal.SIGKILL)


def _send(pids: Sequence[int], number: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            is_leader = os.getpgid(pid) == pid  # of a group whose members may have lost their parents
            (os.killpg if is_leader else os.kill)(pid, number)


def _lives(pid: int) -> bool:
    try:
        return (
            Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0] != "Z"
        )
    except (OSError, IndexError):
        return False
