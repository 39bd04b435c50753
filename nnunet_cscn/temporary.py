"""Folders for what is not complete yet: who made them stands in their names, so that those of the dead are removed.

They stand beside what they are for, on the same disk, so that what is complete is renamed into place. They are folders,
as nnU-Net takes every file with the right ending for a case, and no folder for one.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PREFIX = ".cscn-tmp-"

_REPLACED = "replaced"
_NAME = re.compile(re.escape(PREFIX) + r"(?P<machine>[0-9a-f]{8})-(?P<pid>\d+)-(?P<start>\d+)-[0-9a-f]{8}")
_LOST_AFTER_SECONDS = 24 * 3600  # without a change; nobody can ask another machine whether its process lives

_open_here: set[Path] = set()
_looked_into: set[Path] = set()


@contextlib.contextmanager
def temporary_folder(parent: Path) -> Iterator[Path]:
    """Yield a new folder in ``parent`` that is gone when the block ends, however it ends.

    Those that dead processes have left in ``parent`` are removed first. After SIGKILL, the next process that writes
    into ``parent`` does that.

    Args:
        parent: The folder beside whose files it stands. It is created.

    Yields:
        The empty folder.
    """
    parent.mkdir(parents=True, exist_ok=True)
    if parent not in _looked_into:
        _looked_into.add(parent)
        remove_stale(parent)
    folder = parent / f"{PREFIX}{_machine()}-{os.getpid()}-{_start_of(os.getpid())}-{uuid.uuid4().hex[:8]}"
    folder.mkdir()
    _open_here.add(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        _open_here.discard(folder)


def remove_stale(folder: Path, *, below: bool = False) -> None:
    """Remove what dead processes have left in a folder.

    Args:
        folder: The folder; nothing happens where there is none.
        below: Whether to look into its folders too, which takes a while for many.
    """
    if not folder.is_dir():
        return
    places = (Path(parent) for parent, _, _ in os.walk(folder)) if below else [folder]
    for place in list(places):
        with contextlib.suppress(OSError):
            stale = [entry for entry in place.iterdir() if _is_stale(entry)]
            for entry in stale:
                _put_back(entry)
                shutil.rmtree(entry, ignore_errors=True)


def aside(folder: Path, target: Path) -> Path:
    """Return where, in a temporary folder, something waits until what replaces it is in its place.

    Should the process die in between, it is put back.

    Args:
        folder: The temporary folder.
        target: What is moved aside; it stands somewhere below the parent of ``folder``.
    """
    place = folder / _REPLACED
    place.mkdir(exist_ok=True)
    return place / target.relative_to(folder.parent).as_posix().replace("%", "%25").replace("/", "%2F")


def remove_open() -> None:
    """Remove all that this process has not finished, before it is ended."""
    for folder in list(_open_here):
        _put_back(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _put_back(temporary: Path) -> None:
    """Give back what was moved aside for a folder that never came into its place."""
    place = temporary / _REPLACED
    for old in place.iterdir() if place.is_dir() else ():
        target = temporary.parent / old.name.replace("%2F", "/").replace("%25", "%")
        if not target.exists():
            with contextlib.suppress(OSError):
                old.rename(target)


def _is_stale(entry: Path) -> bool:
    found = _NAME.fullmatch(entry.name)
    if found is None:
        return False
    if found["machine"] == _machine():
        return _start_of(int(found["pid"])) != found["start"]
    return time.time() - entry.stat().st_mtime > _LOST_AFTER_SECONDS


def _start_of(pid: int) -> str:
    """Return when a process of this machine began, in clock ticks; 0 where there is none, or nobody tells.

    A number of a process is given again after a while, its number and its start together are not.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return "0"
    return "0" if fields[0] in ("Z", "X") else fields[19]


@cache
def _machine() -> str:
    """Return a word for this machine since it started, and for this container where there is one."""
    words = [os.uname().nodename]
    with contextlib.suppress(OSError):
        words.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip())
    with contextlib.suppress(OSError):
        words.append(str(Path("/proc/self/ns/pid").readlink()))
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:8]
