"""Tables and lists with a row for each case: only the first rows are shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

from rich.table import Table

from nnunet_cscn.cli.app import console
from nnunet_cscn.texts import counted

WRITES_ALL = "--json FILE writes all"
MOST_ROWS = 100  # about two screens; terminals take seconds for thousands


def add_rows(table: Table, rows: Iterable[Sequence[str]], n_rows: int, remedy: str) -> None:
    """Add the first rows to a table, and say below it how many are left out.

    Args:
        table: The table. Its caption is extended.
        rows: The cells of each row. Those that are not shown are not made if this is a generator.
        n_rows: Number of all rows.
        remedy: Where to find all rows.
    """
    for row in islice(rows, MOST_ROWS):
        table.add_row(*row)
    if n_rows > MOST_ROWS:
        said = f"{counted(n_rows - MOST_ROWS, 'more row')}: {remedy}."
        table.caption = f"{said} {table.caption}" if table.caption else said


def show_lines(lines: Sequence[str], remedy: str, *, noun: str = "more line", most: int = MOST_ROWS) -> None:
    """Print the first lines, and how many are left out.

    Args:
        lines: Texts of a line each. They are shown as they are.
        remedy: Where to find all of them.
        noun: What the lines are, in the singular.
        most: Number of lines to show.
    """
    left_out = len(lines) - most
    for line in (*lines[:most], *([f"and {counted(left_out, noun)}: {remedy}"] if left_out > 0 else [])):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
