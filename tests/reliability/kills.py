"""Kill commands at moments that a seed chooses, run them again, and compare what is left with an undisturbed run."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

CSCN = (sys.executable, "-m", "nnunet_cscn.cli.main")


def run(arguments: Sequence[object], **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``cscn`` to its end."""
    env = {**os.environ, **environment}
    return subprocess.run([*CSCN, *map(str, arguments)], env=env, capture_output=True, encoding="utf-8", check=False)


def _start(arguments: Sequence[object], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(
        [*CSCN, *map(str, arguments)], env={**os.environ, **environment}, start_new_session=True, **silent
    )


def kill_during(arguments: Sequence[object], seconds: float, number: int = signal.SIGKILL, **environment: str) -> int:
    """Start ``cscn``, send it a signal after a while, wait for it and return its status."""
    process = _start(arguments, environment)
    time.sleep(seconds)
    process.send_signal(number)
    return process.wait()


def kill_when_writing(arguments: Sequence[object], folder: Path, chance: random.Random, **environment: str) -> int:
    """Start ``cscn`` and kill it a moment after something unfinished appears below a folder."""
    process = _start(arguments, environment)
    while process.poll() is None and not any(folder.rglob(".cscn-tmp-*")):
        time.sleep(0.002)
    time.sleep(chance.random() * 0.3)
    process.kill()
    return process.wait()


def end_orphans(folder: Path) -> None:
    """Wait until no process works on a folder any more: a killed command cannot end the ones that it started."""
    for _ in range(600):
        if not [name for name in _command_lines() if str(folder) in name]:
            return
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
