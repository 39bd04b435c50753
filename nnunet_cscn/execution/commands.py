"""Run commands, such as those of nnU-Net, in their own processes, with their output in log files."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from nnunet_cscn.errors import CommandFailed, DiskFull, UserError
from nnunet_cscn.execution.full_disk import full_disk
from nnunet_cscn.execution.log_lock import log_lock
from nnunet_cscn.execution.process_groups import start_group, stop_groups
from nnunet_cscn.freed_memory import KEEP_FREED_MEMORY
from nnunet_cscn.nnunet.discovery import ensure_registered

# The last one limits busy waiting of threads, which slows training down several times as soon as another process needs
# a core.
FASTER_ON_CPU = {**KEEP_FREED_MEMORY, "GOMP_SPINCOUNT": "5000"}

POLL_SECONDS = 0.1
LOCK_SECONDS = 5
N_LAST_LINES = 100  # a traceback, and what other threads print after it


def executable(name: str) -> str:
    """Return the path of a command in the environment of this Python.

    Raises:
        UserError: If it is not installed.
    """
    places = [str(Path(sys.executable).parent), sysconfig.get_path("scripts"), os.environ.get("PATH", "")]
    found = shutil.which(name, path=os.pathsep.join(places))
    if found is None:
        raise UserError(f"{name} is not installed in the environment of {sys.executable}: install nnunet-cscn there")
    return found


def python_module(name: str) -> tuple[str, ...]:
    """Return the start of a command that runs a module of this package in a Python of its own.

    ``python -m`` would first look for modules in the current folder, which may hold files of other people.
    """
    start = f"import runpy, sys; sys.path = [place for place in sys.path if place]; runpy.run_module({name!r}, "
    return (sys.executable, "-c", f"{start}run_name='__main__', alter_sys=True)")


def environment(folder: Path, **changes: str) -> dict[str, str]:
    """Return environment variables with which nnU-Net stores everything below ``folder``."""
    ensure_registered()
    return {
        **os.environ,
        **FASTER_ON_CPU,
        "nnUNet_raw": str(folder / "raw"),
        "nnUNet_preprocessed": str(folder / "preprocessed"),
        "nnUNet_results": str(folder / "results"),
        "nnUNet_def_n_proc": "2",
        "PYTHONUNBUFFERED": "1",
        **changes,
    }


def run_command(
    command: Sequence[str],
    log_file: Path,
    *,
    env: Mapping[str, str],
    on_line: Callable[[str], None] = lambda line: None,
    on_start: Callable[[subprocess.Popen[bytes]], None] = lambda process: None,
) -> None:
    """Run a command until it ends, and write its output to ``log_file``.

    The command has its own process group. When this function returns, all processes of the group have ended. Otherwise
    the worker processes of a killed training would run forever.

    Args:
        command: Name of the command and its arguments.
        log_file: File for its output, including standard error.
        env: Environment variables of the command.
        on_line: Called with each line of output.
        on_start: Called with the process. Another thread may stop it with ``stop_groups``.

    Raises:
        UserError: If the command is not installed.
        CommandFailed: If it fails, with the last line of output and the path of the log; or if another command already
            writes to the same log, such as one left behind by a killed process.
        DiskFull: If it fails because a disk is full, with the file.
    """
    log_file.parent.mkdir(parents=True, exist_ok=True)
    last, last_lines = "", deque[str](maxlen=N_LAST_LINES)
    with contextlib.ExitStack() as stack:
        with log_file.open("ab") as log:
            _claim(stack, log_file, log, command)
            log.truncate(0)
            process = start_group([executable(command[0]), *command[1:]], output=log, env=env)
        try:
            on_start(process)
            for line in _lines_while_running(process, log_file):
                last = line.strip() or last
                last_lines.append(line)
                on_line(line)
        finally:
            stop_groups([process])
    if process.returncode == 0:
        return
    failed = f"`{' '.join(command)}` failed with status {process.returncode}"
    if (reason := full_disk(log_file, last_lines)) is not None:
        raise DiskFull(f"{failed}: {reason}: free some, and run the same command again (full log: {log_file})")
    raise CommandFailed(f"{failed}: {last} (full log: {log_file})")


def _claim(stack: contextlib.ExitStack, log_file: Path, log: IO[bytes], command: Sequence[str]) -> None:
    """Lock the log until the stack is closed, and for as long as the command runs."""
    try:
        stack.enter_context(log_lock(log_file, log, timeout_s=LOCK_SECONDS))
    except TimeoutError:
        how = f" (`fuser -k {log_file}`)" if shutil.which("fuser") else ""
        raise CommandFailed(
            f"`{' '.join(command)}` is already running, perhaps from a command that was killed: wait for it, or "
            f"stop it{how}"
        ) from None


def _lines_while_running(process: subprocess.Popen[bytes], log_file: Path) -> Iterator[str]:
    """Yield each line of the log until the process has ended, even if other processes still have the log open."""
    pending = b""
    with log_file.open("rb") as log:
        while True:
            has_ended = process.poll() is not None
            *lines, pending = (pending + log.read()).split(b"\n")
            for line in lines:
                yield line.decode(errors="replace") + "\n"
            if has_ended:
                break
            if not lines:
                time.sleep(POLL_SECONDS)
    if pending:
        yield pending.decode(errors="replace")
