"""Temporary folders for incomplete files. Their names contain the process, so leftovers of ended processes are removed.

They are next to the target, on the same disk, so that complete files can be renamed. They are folders, because nnU-Net
treats every file with the right ending as a case, but no folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
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
_LOST_AFTER_SECONDS = 24 * 3600  # without a change; processes of other machines cannot be checked

_open_here: set[Path] = set()
_looked_into: set[Path] = set()


@contextlib.contextmanager
def temporary_folder(parent: Path) -> Iterator[Path]:
    """Yield a new folder in ``parent`` and remove it at the end of the block.

    Folders that ended processes have left in ``parent``, for example after SIGKILL, are removed first.

    Args:
        parent: The parent folder. It is created if necessary.

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
    """Remove temporary folders of ended processes from a folder.

    Args:
        folder: The folder. It does not need to exist.
        below: Whether to search its subfolders too.
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
    """Return the place in a temporary folder for a folder that is about to be replaced.

    If the process ends before the replacement is in place, the old folder is moved back.

    Args:
        folder: The temporary folder.
        target: The folder that will be replaced, somewhere below the parent of ``folder``.
    """
    place = folder / _REPLACED
    place.mkdir(exist_ok=True)
    return place / target.relative_to(folder.parent).as_posix().replace("%", "%25").replace("/", "%2F")


def remove_open() -> None:
    """Remove all temporary folders of this process, before it ends."""
    for folder in list(_open_here):
        _put_back(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _put_back(temporary: Path) -> None:
    """Move folders back whose replacement never came into place."""
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
    """Return the start time of a process of this machine in clock ticks; 0 if there is no such process.

    Process numbers are reused, but not with the same start time.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return "0"
    return "0" if fields[0] in ("Z", "X") else fields[19]


@cache
def _machine() -> str:
    """Return an identifier of this machine since its last start, and of the container, if there is one."""
    words = [platform.node()]
    with contextlib.suppress(OSError):
        words.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip())
    with contextlib.suppress(OSError):
        words.append(str(Path("/proc/self/ns/pid").readlink()))
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:8]
