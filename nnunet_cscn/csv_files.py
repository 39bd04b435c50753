"""Read CSV files of the user, and write them without formulas, control characters or incomplete files."""

from __future__ import annotations

import contextlib
import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from nnunet_cscn.errors import UserError
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


def read_csv(file: Path, *, encoding: str = "utf-8", errors: str = "strict", ragged: bool = False) -> list[list[str]]:
    """Read the rows of a CSV file of the user, without blank ones.

    Args:
        file: The file.
        encoding: Its encoding.
        errors: What happens to NUL and to bytes of other encodings, as in ``open``.
        ragged: Whether quotation marks may be anywhere.

    Raises:
        UserError: When it cannot be read, or is not a CSV file.
    """
    try:
        with file.open(newline="", encoding=encoding, errors=errors) as stream:
            return [row for row in csv.reader(_without_nul(stream, errors), strict=not ragged) if row]
    except OSError as fault:
        raise UserError(f"{file} cannot be read: {fault.strerror}") from None
    except (UnicodeError, csv.Error) as fault:
        raise UserError(
            f"{file} is not a valid CSV file ({fault}): restore it or save it again as CSV (UTF-8)"
        ) from None


def _without_nul(lines: Iterable[str], errors: str) -> Iterator[str]:
    """Treat NUL as a byte that is no text. Python 3.10 refuses it, later versions take it as a letter."""
    for line in lines:
        if "\0" in line and errors == "strict":
            raise csv.Error("line contains NUL")
        yield line.replace("\0", "\ufffd")


def read_table(
    file: Path, *, encoding: str = "utf-8", errors: str = "strict", ragged: bool = False
) -> list[dict[str, str]]:
    """Read the rows of a CSV file of the user by the headings in its first row.

    Args:
        file: The file.
        encoding: Its encoding.
        errors: What happens to bytes of other encodings, as in ``open``.
        ragged: Whether rows may have more or fewer cells than the first one. What is behind the headings is left out.

    Raises:
        UserError: As in ``read_csv``, or when a row has more or fewer cells than the first one, or a heading is twice.
    """
    headings, *rows = read_csv(file, encoding=encoding, errors=errors, ragged=ragged) or [[]]
    if not ragged and len(set(headings)) < len(headings):
        raise UserError(f"{file} has the same heading twice: rename or remove one of the columns")
    if not ragged and (wrong := [row for row in rows if len(row) != len(headings)]):
        raise UserError(f"{file} has rows of {len(headings)} and of {len(wrong[0])} cells: correct it")
    return [dict(zip(headings, row, strict=not ragged)) for row in rows]


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
