"""Names of files that ITK can open."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def itk_path(file: Path) -> Iterator[str]:
    """Yield a name of a file for ITK, which ends the whole process where a path is no UTF-8.

    Old archives hold such paths; there the name is that of a link, in a folder that lasts as long as the block.
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
