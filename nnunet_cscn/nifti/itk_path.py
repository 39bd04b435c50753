"""File names that ITK can open."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def itk_path(file: Path) -> Iterator[str]:
    """Yield a name for a file that ITK can open. ITK ends the whole process if a path is not valid UTF-8.

    Old archives contain such paths. For them, the name is that of a temporary link.
    """
    try:
        str(file).encode("utf-8")
    except UnicodeEncodeError:
        with tempfile.TemporaryDirectory() as place:
            link = Path(place) / f"file{''.join(file.suffixes[-2:]) if file.suffixes[-1:] == ['.gz'] else file.suffix}"
            link.symlink_to(file.absolute())
            yield str(link)
    else:
        yield str(file)
