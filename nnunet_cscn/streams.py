"""Write to pipes and devices, which cannot be replaced as files can."""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
import sys
from pathlib import Path
from typing import IO

from nnunet_cscn.errors import UserError

_OPEN_FILE = re.compile(r"(?:/proc/(?P<process>\d+)/fd|/dev/fd)/(?P<number>\d+)")


def own_descriptor(target: Path) -> int | None:
    """Return the file descriptor of this process that a path such as ``/dev/stdout`` refers to."""
    place = target
    for _ in range(40):  # as many links as the kernel would follow
        if found := _OPEN_FILE.fullmatch(str(place.parent.resolve() / place.name)):
            return int(found["number"]) if found["process"] in (None, str(os.getpid())) else None
        if not place.is_symlink():
            return None
        place = place.parent / place.readlink()
    return None


def is_stream(target: Path) -> bool:
    """Return whether a path is a pipe or a device, which is written to and not replaced.

    Raises:
        OSError: When it is a folder or a disk.
    """
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return False
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(target))
    if stat.S_ISBLK(mode):
        raise OSError(errno.EINVAL, "this is a disk, not a file", str(target))
    return not stat.S_ISREG(mode)


def pass_on(temporary: Path, target: Path, own: int | None) -> None:
    """Write a file to a stream.

    Args:
        temporary: The file to read.
        target: The stream.
        own: The file descriptor of this process that ``target`` refers to, if any.

    Raises:
        UserError: When the program that reads from the stream has ended.
    """
    try:
        with temporary.open("rb") as source, _opened_stream(target, own) as stream:
            shutil.copyfileobj(source, stream)
    except BrokenPipeError as refusal:
        if own is not None:  # as for all that is printed
            raise
        raise UserError(f"{target}: the program that reads from it has ended too early: start both again") from refusal


def _opened_stream(target: Path, own: int | None) -> IO[bytes]:
    """Open a stream. An open file of this process continues at its current position."""
    if own is None:
        return target.open("ab")
    if sys.stdout is not None:
        sys.stdout.flush()
    return os.fdopen(os.dup(own), "wb")
