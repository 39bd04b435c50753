"""Write files so that a killed run never leaves half of one, and read a user's JSON."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nnunet_cscn.errors import UserError
from nnunet_cscn.temporary import PREFIX, aside, temporary_folder

_LITTLE_ROOM = 2**20  # bytes
_OPEN_FILE = re.compile(r"/proc/(self|\d+)/fd/\d+|/dev/fd/\d+")


@contextlib.contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Yield a temporary path and put what is written there in the place of ``target`` when the block ends well.

    The temporary file has the target's name (writers choose the format by its ending) and stands in a hidden folder
    beside it. It reaches the disk before it is renamed, so that not even a power cut leaves half a file. After an
    exception ``target`` is as it was. A link is followed; a pipe or a device gets the content and stays what it is.

    Args:
        target: The file to write. Its folder is created.

    Yields:
        The path to write to.

    Raises:
        OSError: When it can't be written, with the name of ``target``.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> with replacing(folder / "a.txt") as temporary:
        ...     _ = temporary.write_text("whole")
        >>> (folder / "a.txt").read_text()
        'whole'
    """
    with _naming(target):
        is_stream = _is_stream(target)
        place = Path(os.path.realpath(target))
        with temporary_folder(Path(tempfile.gettempdir()) if is_stream else place.parent) as folder:
            temporary = folder / target.name
            yield temporary
            if is_stream:
                with temporary.open("rb") as source, target.open("ab") as stream:
                    shutil.copyfileobj(source, stream)
            else:
                _to_disk(temporary)
                temporary.replace(place)
                _to_disk(place.parent)


@contextlib.contextmanager
def replacing_folder(target: Path) -> Iterator[Path]:
    """Yield a new folder and put it in the place of ``target`` when the block ends well.

    Args:
        target: The folder to make. Where it exists, it is replaced as a whole.

    Yields:
        An empty folder to fill.

    Raises:
        OSError: When it can't be written.
    """
    with _naming(target), temporary_folder(target.parent) as folder:
        new = folder / "new"
        new.mkdir()
        yield new
        for parent, _, names in os.walk(new):
            for name in names:
                _to_disk(Path(parent, name))
            _to_disk(Path(parent))
        if target.exists():
            target.rename(aside(folder, target))
        new.rename(target)
        _to_disk(target.parent)


def write_json(target: Path, content: Any, *, allow_nan: bool = False) -> None:
    """Write ``content`` as JSON to ``target``, whole or not at all.

    Args:
        target: The file to write. Its folder is created.
        content: What goes in.
        allow_nan: Write nan as ``NaN``, which JSON has no word for but Python and nnU-Net read.

    Raises:
        ValueError: When ``content`` holds nan or infinity and these are not allowed.
    """
    text = json.dumps(content, indent=2, allow_nan=allow_nan) + "\n"
    write_text(target, text)


def write_text(target: Path, text: str) -> None:
    """Write ``text`` to ``target``, whole or not at all.

    Args:
        target: The file to write. Its folder is created.
        text: What goes in.
    """
    with replacing(target) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def read_json_file(file: Path) -> Any:
    """Read a JSON file that belongs to the user.

    Raises:
        UserError: When it is missing, unreadable or no JSON.
    """
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except OSError as failure:
        raise UserError(f"{file} cannot be read: {failure.strerror}") from failure
    except (ValueError, RecursionError) as failure:
        raise UserError(f"{file} is not valid JSON ({failure}): restore it or create it again") from failure


@contextlib.contextmanager
def _naming(target: Path) -> Iterator[None]:
    """Give what the system refuses the name of the file that the user knows."""
    try:
        yield
    except OSError as refusal:
        is_ours = refusal.filename is None or PREFIX in os.fspath(refusal.filename)
        if refusal.errno is None or not is_ours:
            raise
        raise OSError(refusal.errno, refusal.strerror, str(target)) from refusal
    except RuntimeError as fault:  # libraries say it in words of their own
        if shutil.disk_usage(_existing(target.parent)).free > _LITTLE_ROOM:
            raise
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target)) from fault


def _existing(folder: Path) -> Path:
    return next(place for place in (folder.absolute(), *folder.absolute().parents) if place.is_dir())


def _is_stream(target: Path) -> bool:
    """Tell whether a path leads to something that is written to, not replaced: a pipe, a device, an open file.

    Raises:
        OSError: When it leads to a folder or a disk.
    """
    place = target
    for _ in range(40):  # links that the kernel would follow
        if _OPEN_FILE.fullmatch(str(place.parent.resolve() / place.name)):
            return True
        if not place.is_symlink():
            break
        place = place.parent / place.readlink()
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return False
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(target))
    if stat.S_ISBLK(mode):
        raise OSError(errno.EINVAL, "this is a disk, not a file", str(target))
    return not stat.S_ISREG(mode)


def _to_disk(path: Path) -> None:
    """Wait until a file's content, or a folder's list of names, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as refusal:
        if refusal.errno not in (errno.EINVAL, errno.ENOTSUP):  # some file systems have nothing to wait for
            raise
    finally:
        os.close(descriptor)
