"""Start a command in a new process group, and stop it with all processes that it started."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import IO, Any

from nnunet_cscn import guard

GRACE_SECONDS = 1.5


def start_group(command: Sequence[str], *, output: IO[bytes], env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start a command in the background, in a new process group. On Linux, it is stopped when this process ends.

    Args:
        command: Path of the program and its arguments.
        output: An open file for its output, standard error included.
        env: Its environment.
    """
    line = list(command)
    if sys.platform.startswith("linux"):
        line = [sys.executable, "-I", guard.__file__, str(os.getpid()), *line]
    if _has_groups():
        own_group: dict[str, Any] = {"start_new_session": True}
    else:
        own_group = {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
    return subprocess.Popen(
        line, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=dict(env), **own_group
    )


def stop_groups(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Stop processes and all processes that they started: first with SIGTERM, then with SIGKILL.

    Windows has no signals for groups. There, ``taskkill`` stops a process with its children, as long as the process
    itself runs.
    """
    if not _has_groups():
        for process in processes:
            _stop_tree(process)
        return
    for force in (signal.SIGTERM, signal.SIGKILL):
        for process in processes:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, force)
        end = time.monotonic() + GRACE_SECONDS
        for process in processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=max(0.0, end - time.monotonic()))


def _has_groups() -> bool:
    return hasattr(os, "killpg")


def _stop_tree(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    if shutil.which("taskkill"):
        subprocess.run(["taskkill", "/T", "/F", "/PID", str(process.pid)], capture_output=True, check=False)
    process.kill()
    process.wait(timeout=GRACE_SECONDS)
