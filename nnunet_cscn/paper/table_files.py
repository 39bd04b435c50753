"""The table for other programs: CSV, Markdown, LaTeX."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from nnunet_cscn.csv_files import writing_csv
from nnunet_cscn.evaluation.numbers import shown_p
from nnunet_cscn.paper.methods import PROPOSED
from nnunet_cscn.paper.table import COLUMNS, Cell, Row
from nnunet_cscn.stats.clustered import Estimate

NOTHING = "-"

_LATEX_WORDS = {"\\": "backslash", "~": "asciitilde", "^": "asciicircum", "<": "less", ">": "greater", "|": "bar"}
_LATEX = str.maketrans({**{s: f"\\text{w}{{}}" for s, w in _LATEX_WORDS.items()}, **{s: f"\\{s}" for s in "&%_#${}"}})


def headings(*, published: bool) -> list[str]:
    """Return the headings of the columns.

    Args:
        published: Whether the paper's figures stand beside ours.
    """
    found = ["method"]
    for column in COLUMNS:
        found += [f"{column.heading} (95 %)", f"p vs {PROPOSED}", *([f"paper {column.heading}"] if published else [])]
    return found


def texts(row: Row, *, published: bool) -> list[str]:
    """Return the texts of a row's cells, in the order of the headings.

    Args:
        row: The row.
        published: Whether the paper's figures stand beside ours.
    """
    found = [row.method]
    for column in COLUMNS:
        cell = row.cells[column.key]
        found += [shown_estimate(cell.estimate, column.digits), shown_p(cell.p)]
        if published:
            found.append(shown_published(cell, column.digits))
    return found


def write_csv(file: Path, tables: Mapping[str, Sequence[Row]]) -> None:
    """Write one line for each label and method, all numbers in columns of their own; nothing stands for no number.

    Args:
        file: The file, written whole or not at all.
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
    """Return the table of a label in Markdown, with its notes below.

    Args:
        label: The label.
        rows: Its rows.
        published: Whether the paper's figures stand beside ours.
    """
    head = headings(published=published)
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *(texts(row, published=published) for row in rows)]
    body = [f"| {' | '.join(text.replace('|', '&#124;') for text in line)} |" for line in lines]
    notes = [f"- {row.method}: {_plain(note)}" for row in rows for note in row.notes]
    return "\n".join([f"**{_plain(label)}**", "", *body, *(["", *notes] if notes else [])]) + "\n"


def latex(label: str, rows: Sequence[Row], *, published: bool) -> str:
    """Return the table of a label in LaTeX, for the package booktabs, with its notes below.

    Args:
        label: The label.
        rows: Its rows.
        published: Whether the paper's figures stand beside ours.
    """
    head = headings(published=published)
    body = [
        " & ".join(t.translate(_LATEX) for t in line) + r" \\" for line in (texts(r, published=published) for r in rows)
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
    """Keep Markdown from taking signs for markup."""
    return re.sub(r"([\\`*_<>\[\]#|])", r"\\\1", text)


def shown_estimate(found: Estimate, digits: int) -> str:
    """Return a figure with its interval."""
    if math.isnan(found.value):
        return NOTHING
    return f"{found.value:.{digits}f} ({found.low:.{digits}f} to {found.high:.{digits}f})"


def shown_published(cell: Cell, digits: int) -> str:
    """Return the paper's figure."""
    return NOTHING if math.isnan(cell.published) else f"{cell.published:.{digits}f}"
