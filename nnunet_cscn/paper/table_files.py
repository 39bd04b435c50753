"""Write the table as CSV, Markdown or LaTeX."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from nnunet_cscn.csv_files import writing_csv
from nnunet_cscn.evaluation.numbers import format_p
from nnunet_cscn.paper.methods import PROPOSED
from nnunet_cscn.paper.table import COLUMNS, Cell, Row
from nnunet_cscn.stats.clustered import Estimate

NOTHING = "-"

_LATEX_WORDS = {"\\": "backslash", "~": "asciitilde", "^": "asciicircum", "<": "less", ">": "greater", "|": "bar"}
_LATEX = str.maketrans({**{s: f"\\text{w}{{}}" for s, w in _LATEX_WORDS.items()}, **{s: f"\\{s}" for s in "&%_#${}"}})


def headings(*, published: bool) -> list[str]:
    """Return the headings of the columns.

    Args:
        published: Whether to show the published values too.
    """
    found = ["method"]
    for column in COLUMNS:
        found += [f"{column.heading} (95 %)", f"p vs {PROPOSED}", *([f"paper {column.heading}"] if published else [])]
    return found


def cell_texts(row: Row, *, published: bool) -> list[str]:
    """Return the texts of the cells of a row, in the order of the headings.

    Args:
        row: The row.
        published: Whether to show the published values too.
    """
    found = [row.method]
    for column in COLUMNS:
        cell = row.cells[column.key]
        found += [format_estimate(cell.estimate, column.digits), format_p(cell.p)]
        if published:
            found.append(format_published(cell, column.digits))
    return found


def write_csv(file: Path, tables: Mapping[str, Sequence[Row]]) -> None:
    """Write one line for each label and method. Each number has its own column; undefined numbers are empty.

    Args:
        file: The file. An interruption leaves no incomplete file.
        tables: The rows of each label.
    """
    parts: Mapping[str, Callable[[Cell], float]] = {
        "": lambda cell: cell.estimate.value,
        "_low": lambda cell: cell.estimate.low,
        "_high": lambda cell: cell.estimate.high,
        "_p_holm": lambda cell: cell.p,
        "_published": lambda cell: cell.published,
    }
    with writing_csv(file) as write:
        names = [f"{column.key}{part}" for column in COLUMNS for part in ("_n", *parts)]
        write(["label", "method", *names, "notes"])
        for label, rows in tables.items():
            for row in rows:
                numbers: list[str | int] = []
                for column in COLUMNS:
                    cell = row.cells[column.key]
                    numbers.append(cell.n)
                    values = [value(cell) for value in parts.values()]
                    numbers += ["" if math.isnan(value) else f"{value:.6g}" for value in values]
                write([label, row.method, *numbers, "; ".join(row.notes)])


def markdown(label: str, rows: Sequence[Row], *, published: bool) -> str:
    """Return the table of a label in Markdown, followed by the notes.

    Args:
        label: The label.
        rows: The rows of the table.
        published: Whether to show the published values too.
    """
    head = headings(published=published)
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *(cell_texts(row, published=published) for row in rows)]
    body = [f"| {' | '.join(text.replace('|', '&#124;') for text in line)} |" for line in lines]
    notes = [f"- {row.method}: {_plain(note)}" for row in rows for note in row.notes]
    return "\n".join([f"**{_plain(label)}**", "", *body, *(["", *notes] if notes else [])]) + "\n"


def latex(label: str, rows: Sequence[Row], *, published: bool) -> str:
    """Return the table of a label in LaTeX (package booktabs), followed by the notes.

    Args:
        label: The label.
        rows: The rows of the table.
        published: Whether to show the published values too.
    """
    head = headings(published=published)
    body = [
        " & ".join(t.translate(_LATEX) for t in line) + r" \\"
        for line in (cell_texts(r, published=published) for r in rows)
    ]
    notes = [f"{row.method}: {note}." for row in rows for note in row.notes]
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{label.translate(_LATEX)}. {' '.join(notes).translate(_LATEX)}}}",
            rf"\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}",
            r"\toprule",
            " & ".join(text.translate(_LATEX) for text in head) + r" \\",
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def _plain(text: str) -> str:
    """Escape characters that have a meaning in Markdown."""
    return re.sub(r"([\\`*_<>\[\]#|])", r"\\\1", text)


def format_estimate(found: Estimate, digits: int) -> str:
    """Format a value with its confidence interval."""
    if math.isnan(found.value):
        return NOTHING
    return f"{found.value:.{digits}f} ({found.low:.{digits}f} to {found.high:.{digits}f})"


def format_published(cell: Cell, digits: int) -> str:
    """Format the published value."""
    return NOTHING if math.isnan(cell.published) else f"{cell.published:.{digits}f}"
