"""Write files so that a killed run never leaves half of one, and read a user's JSON."""

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
    """Yield a temporary path beside ``target`` and rename it to ``target`` when the block ends well.

    The temporary name keeps the target's ending (writers choose the format by it) and starts with a dot. After an
    exception the temporary file is removed and ``target`` is as it was.

    Args:
        target: The file to write. Its folder is created.

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
    """Yield a new folder beside ``target`` and rename it to ``target`` when the block ends well.

    Args:
        target: The folder to make. Where it exists, it is replaced as a whole.

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
        temporary.write_text(text, encoding="utf-8")


def read_json_file(file: Path) -> Any:
    """Read a JSON file that belongs to the user.

    Raises:
        UserError: When it is missing, unreadable or no JSON.
    """
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except OSError as failure:
        raise UserError(f"{file} cannot be read: {failure.strerror}") from failure
    except ValueError as failure:
        raise UserError(f"{file} is not valid JSON ({failure}): restore it or create it again") from failure
