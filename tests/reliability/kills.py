"""Kill commands at moments that a seed chooses, run them again, and compare what is left with an undisturbed run."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from reliability.commands import Killed

STRAYS_SECONDS = 30  # on a busy machine


def run(command: Killed, out: Path) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    line, variables = _line(command, out), _variables(command, out)
    return subprocess.run(line, env=variables, capture_output=True, encoding="utf-8", check=False)


def _line(command: Killed, out: Path) -> Sequence[str]:
    return [*command.program, *map(str, command.arguments(out))]


def _variables(command: Killed, out: Path) -> Mapping[str, str]:
    return {**os.environ, **command.environment(out)}


def _start(command: Killed, out: Path) -> subprocess.Popen[bytes]:
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(_line(command, out), env=_variables(command, out), start_new_session=True, **silent)


def kill_during(command: Killed, out: Path, seconds: float, number: int = signal.SIGKILL) -> int:
    """Start a command, send it a signal after a while, wait for it and return its status."""
    process = _start(command, out)
    time.sleep(seconds)
    process.send_signal(number)
    return process.wait()


def kill_when_writing(command: Killed, out: Path, chance: random.Random) -> int:
    """Start a command and kill it a moment after something unfinished appears below its output folder."""
    process = _start(command, out)
    while process.poll() is None and not any(out.rglob(".cscn-tmp-*")):
        time.sleep(0.002)
    time.sleep(chance.random() * 0.3)
    process.kill()
    return process.wait()


def wait_for_the_end(folder: Path) -> None:
    """Wait until no process works on a folder any more; what a killed command started ends within seconds."""
    end = time.monotonic() + STRAYS_SECONDS
    while left := [line for line in _command_lines() if str(folder) in line]:
        assert time.monotonic() < end, f"still running: {left}"
        time.sleep(0.1)


def _command_lines() -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes() if process.name != str(os.getpid()) else b""
            found.append(((process / "cmdline").read_bytes() + environment).decode("utf-8", "replace"))
        except OSError:  # it ended
            continue
    return found


def content(folder: Path, exact: Sequence[str] = ("",), ignored: Sequence[str] = ()) -> Mapping[str, str]:
    """Return what is below a folder, by its path.

    Args:
        folder: The folder.
        exact: Endings of files whose hash is returned; all by default. Others are just there.
        ignored: Parts of paths that are left out.
    """
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if any(part in f"/{name}" for part in ignored):
            continue
        if path.is_dir():
            found[name] = "folder"
        elif name.endswith(tuple(exact)):
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        else:
            found[name] = "file"
    return found
