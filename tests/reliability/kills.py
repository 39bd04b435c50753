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
    return subprocess.run([*CSCN, *map(str, arguments)], env=env, capture_output=True, text=True, check=False)


def kill_during(arguments: Sequence[object], seconds: float, number: int = signal.SIGKILL) -> int:
    """Start ``cscn``, send it a signal after a while, wait for it and return its status."""
    process = subprocess.Popen(
        [*CSCN, *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    time.sleep(seconds)
    process.send_signal(number)
    return process.wait()


def kill_when_writing(arguments: Sequence[object], folder: Path, chance: random.Random) -> int:
    """Start ``cscn`` and kill it a moment after something unfinished appears below a folder."""
    process = subprocess.Popen(
        [*CSCN, *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    while process.poll() is None and not any(folder.rglob(".cscn-tmp-*")):
        time.sleep(0.002)
    time.sleep(chance.random() * 0.3)
    process.kill()
    return process.wait()


def content(folder: Path) -> Mapping[str, str]:
    """Return the hash of every file below a folder, by its path, and of every empty folder a word."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        if path.is_file()
        else "folder"
        for path in sorted(folder.rglob("*"))
    }
