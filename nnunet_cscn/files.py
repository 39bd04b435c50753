"""Write files without leaving incomplete files after an interruption, and read JSON files of the user."""

from __future__ import annotations

import contextlib
import json
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nnunet_cscn.errors import UserError


@contextlib.contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Yield a temporary path next to ``target`` and rename it to ``target`` if the block succeeds.

    The temporary name starts with a dot and has the same ending as ``target``, because some writers select the format
    by the ending. After an exception, the temporary file is removed and ``target`` is unchanged.

    Args:
        target: The file to write. Its folder is created if necessary.

    Yields:
        The path to write to.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> with replacing(folder / "a.txt") as temporary:
        ...     _ = temporary.write_text("whole")
        >>> (folder / "a.txt").read_text()
        'whole'
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{uuid.uuid4().hex[:8]}.{target.name}")
    try:
        yield temporary
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def replacing_folder(target: Path) -> Iterator[Path]:
    """Yield a new folder next to ``target`` and rename it to ``target`` if the block succeeds.

    Args:
        target: The folder to create. An existing folder is replaced completely.

    Yields:
        An empty folder to fill.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{uuid.uuid4().hex[:8]}.{target.name}")
    temporary.mkdir()
    try:
        yield temporary
        if target.exists():
            old = target.with_name(f".{uuid.uuid4().hex[:8]}.{target.name}.old")
            target.replace(old)
            temporary.replace(target)
            shutil.rmtree(old)
        else:
            temporary.replace(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


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
        temporary.write_text(text, encoding="utf-8")


def read_json_file(file: Path) -> Any:
    """Read a JSON file of the user.

    Raises:
        UserError: When the file is missing, cannot be read or is not valid JSON.
    """
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except OSError as failure:
        raise UserError(f"{file} cannot be read: {failure.strerror}") from failure
    except ValueError as failure:
        raise UserError(f"{file} is not valid JSON ({failure}): restore it or create it again") from failure
