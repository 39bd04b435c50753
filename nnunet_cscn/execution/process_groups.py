"""Start a command in a new process group, and stop it with all processes that it started."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from typing import IO, Any

GRACE_SECONDS = 10


def start_group(command: Sequence[str], *, output: IO[bytes], env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start a command in the background, in a new process group.

    Args:
        command: Path of the program and its arguments.
        output: An open file for its output, standard error included.
        env: Its environment.
    """
    if _has_groups():
        own_group: dict[str, Any] = {"start_new_session": True}
    else:
        own_group = {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
    return subprocess.Popen(
        command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=dict(env), **own_group
    )


def stop_group(process: subprocess.Popen[bytes]) -> None:
    """Stop a process and all processes it started: first with SIGTERM, then with SIGKILL.

    Windows has no signals for groups. There, ``taskkill`` ends the process with its children, as long as the process
    itself still runs.
    """
    if not _has_groups():
        _stop_tree(process)
        return
    for force in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, force)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=GRACE_SECONDS)


def _has_groups() -> bool:
    return hasattr(os, "killpg")


def _stop_tree(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    if shutil.which("taskkill"):
        subprocess.run(["taskkill", "/T", "/F", "/PID", str(process.pid)], capture_output=True, check=False)
    process.kill()
    process.wait(timeout=GRACE_SECONDS)
