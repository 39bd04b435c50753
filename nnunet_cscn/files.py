"""Write files without leaving incomplete files after an interruption, and read JSON files of the user."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nnunet_cscn.errors import ArgumentError, UserError
from nnunet_cscn.streams import is_stream, own_descriptor, pass_on
from nnunet_cscn.temporary import PREFIX, aside, temporary_folder

_LITTLE_ROOM = 2**20  # bytes
_NEW = "cscn-new"  # the folder that is being filled, in a temporary folder
_DEEPEST = 100  # levels of JSON; nnU-Net's files have about ten, and Python cannot copy or print a thousand


@contextlib.contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Yield a temporary path and move it to ``target`` if the block succeeds.

    The temporary file has the same name as ``target``, because some writers select the format by the ending. It is in a
    hidden folder next to ``target``. It is written to the disk before it is renamed, so that not even a power failure
    leaves an incomplete file. After an exception, ``target`` is unchanged. Symbolic links are followed. A pipe or a
    device receives the content and is not replaced.

    Args:
        target: The file to write. Its folder is created if necessary.

    Yields:
        The path to write to.

    Raises:
        OSError: When it cannot be written. The error contains the name of ``target``.
        UserError: When it is a pipe whose reader has ended.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> with replacing(folder / "a.txt") as temporary:
        ...     _ = temporary.write_text("whole")
        >>> (folder / "a.txt").read_text()
        'whole'
    """
    with _naming(target):
        own = own_descriptor(target)
        is_open = own is not None or is_stream(target)
        place = Path(os.path.realpath(target))
        with temporary_folder(Path(tempfile.gettempdir()) if is_open else place.parent) as folder:
            temporary = folder / target.name
            yield temporary
            if is_open:
                pass_on(temporary, target, own)
            else:
                _to_disk(temporary)
                temporary.replace(place)
                _to_disk(place.parent)


@contextlib.contextmanager
def replacing_folder(target: Path) -> Iterator[Path]:
    """Yield a new folder next to ``target`` and rename it to ``target`` if the block succeeds.

    Args:
        target: The folder to create. An existing folder is replaced completely.

    Yields:
        An empty folder to fill.

    Raises:
        OSError: When it cannot be written.
    """
    with _naming(target, is_folder=True), temporary_folder(target.parent) as folder:
        new = folder / _NEW
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


def check_output_folder(folder: Path, argument: str = "out") -> None:
    """Check before long work that a folder exists or can be created, and that files can be written to it.

    Args:
        folder: The folder.
        argument: Name of the argument that the user gave, for the error.

    Raises:
        ArgumentError: When a file is in its place, or its parent is read-only.
    """
    place = next(path for path in (folder.absolute(), *folder.absolute().parents) if os.path.lexists(path))
    if not place.is_dir():
        raise ArgumentError(argument, f"{place} is a file, not a folder: choose another folder")
    if not os.access(place, os.W_OK | os.X_OK):
        raise ArgumentError(argument, f"{place} is read-only: choose another folder, or change its permissions")


def write_json(target: Path, content: Any, *, allow_nan: bool = False) -> None:
    """Write ``content`` as JSON to ``target``. An interruption leaves no incomplete file.

    Args:
        target: The file to write. Its folder is created if necessary.
        content: The content of the file.
        allow_nan: Write nan as ``NaN``. This is not valid JSON, but Python and nnU-Net can read it.

    Raises:
        ValueError: When ``content`` contains nan or infinity and ``allow_nan`` is false.
    """
    text = json.dumps(content, indent=2, allow_nan=allow_nan) + "\n"
    write_text(target, text)


def write_text(target: Path, text: str) -> None:
    """Write ``text`` to ``target``. An interruption leaves no incomplete file.

    Args:
        target: The file to write. Its folder is created if necessary.
        text: The content of the file.
    """
    with replacing(target) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def read_json_file(file: Path) -> Any:
    """Read a JSON file of the user.

    Raises:
        UserError: When the file is missing, cannot be read or is not valid JSON.
    """
    try:
        return parse_json(file.read_text(encoding="utf-8"))
    except OSError as failure:
        raise UserError(f"{file} cannot be read: {failure.strerror}") from failure
    except ValueError as failure:
        raise UserError(f"{file} is not valid JSON ({failure}): restore it or create it again") from failure


def parse_json(text: str) -> Any:
    """Return the content of a JSON text.

    Raises:
        ValueError: When it is not valid JSON, is nested too deep, or has a number with thousands of digits.

    Example:
        >>> parse_json('{"epochs": 50}')
        {'epochs': 50}
    """
    try:
        content = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    level = [content]
    for _ in range(_DEEPEST):
        blocks = [each for each in level if isinstance(each, (dict, list))]
        if not blocks:
            return content
        level = [inner for each in blocks for inner in (each.values() if isinstance(each, dict) else each)]
    raise ValueError("it is nested too deep")


@contextlib.contextmanager
def _naming(target: Path, *, is_folder: bool = False) -> Iterator[None]:
    """Replace the temporary name in errors of the system by ``target``, or the place in it if it is a folder."""
    try:
        yield
    except OSError as refusal:
        is_ours = refusal.filename is None or PREFIX in os.fspath(refusal.filename)
        if refusal.errno is None or not is_ours:
            raise
        place = _place_in(target, refusal.filename) if is_folder else target
        raise OSError(refusal.errno, refusal.strerror, str(place)) from refusal
    except RuntimeError as fault:  # some libraries do not raise OSError if the disk is full
        if not is_full(target.parent):
            raise
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target)) from fault


def _place_in(target: Path, temporary: Any) -> Path:
    """Return the place below ``target`` of a file in the folder that is renamed to it at the end."""
    parts = Path(os.fsdecode(temporary)).parts if isinstance(temporary, (str, bytes, os.PathLike)) else ()
    inside = parts[parts.index(_NEW) + 1 :] if _NEW in parts else ()
    return target.joinpath(*(part for part in inside if not part.startswith(PREFIX)))


def is_full(folder: Path) -> bool:
    """Return whether there is hardly any room left on the disk of a folder, which need not exist yet."""
    usage = shutil.disk_usage(_existing(folder))
    return usage.total > 0 and usage.free <= _LITTLE_ROOM  # some file systems report nothing


def _existing(folder: Path) -> Path:
    return next(place for place in (folder.absolute(), *folder.absolute().parents) if place.is_dir())


def _to_disk(path: Path) -> None:
    """Flush the content of a file, or the entries of a folder, to the disk."""
    if os.name != "posix":  # elsewhere, folders cannot be opened, and files must be open for writing
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as refusal:
        if refusal.errno not in (errno.EINVAL, errno.ENOTSUP):  # not supported by some file systems
            raise
    finally:
        os.close(descriptor)
