"""Write CSV files without formulas and control characters. An interruption leaves no incomplete file."""

from __future__ import annotations

import contextlib
import csv
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from nnunet_cscn.files import replacing
from nnunet_cscn.texts import escape_controls

WriteRow = Callable[[Sequence[object]], None]

_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")


@contextlib.contextmanager
def writing_csv(target: Path) -> Iterator[WriteRow]:
    """Yield a function that writes a row.

    Args:
        target: The file.

    Raises:
        OSError: When it cannot be written.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "a.csv"
        >>> with writing_csv(file) as write:
        ...     write(["=HYPERLINK(1)", -1.5])
        >>> print(file.read_text().strip())
        '=HYPERLINK(1),-1.5
    """
    with (
        replacing(target) as temporary,
        temporary.open("w", newline="", encoding="utf-8", errors="backslashreplace") as stream,
    ):
        writer = csv.writer(stream)

        def write(row: Sequence[object]) -> None:
            writer.writerow([harmless(escape_controls(cell)) if isinstance(cell, str) else cell for cell in row])

        yield write


def harmless(text: str) -> str:
    """Return a text that spreadsheets do not read as a formula: with an apostrophe in front if necessary.

    Example:
        >>> harmless("=1+1"), harmless("-0.5"), harmless("case_1")
        ("'=1+1", '-0.5', 'case_1')
    """
    return f"'{text}" if _FORMULA.match(text) and not _is_number(text) else text


def original(text: str) -> str:
    """Return the original text of a result of ``harmless``.

    Example:
        >>> original(harmless("=1+1")), original(harmless("'=1+1"))
        ('=1+1', "'=1+1")
    """
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
