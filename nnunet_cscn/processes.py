"""Find the processes that a process started, and end them."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from nnunet_cscn.guard import KILL

_POLL_SECONDS = 0.05
_PROCESSES = Path("/proc")  # Linux alone has it


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
    _send(pids, KILL)


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
