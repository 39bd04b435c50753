"""``cscn paper table``: Table 1 of the paper for the user's data."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from nnunet_cscn.cli.app import console, progress_bar
from nnunet_cscn.cli.paper_options import Budget, Configuration, Dataset, Methods, Observers, prepared_runs
from nnunet_cscn.cli.score_options import JsonFile
from nnunet_cscn.errors import UserError

if TYPE_CHECKING:
    from nnunet_cscn.evaluation.labels import EvaluatedLabels
    from nnunet_cscn.metrics.scores import LabelScores
    from nnunet_cscn.paper.table import Row


def table(
    dataset: Dataset,
    *,
    configuration: Configuration = "3d_cscn_paper",
    budget: Budget = 1.0,
    methods: Methods = None,
    published: Annotated[bool, typer.Option("--published", help="Also show the numbers of the paper.")] = False,
    observers: Observers = None,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Write the table to this CSV file.")
    ] = None,
    markdown_file: Annotated[
        Path | None, typer.Option("--markdown", metavar="FILE", help="Write the table as Markdown.")
    ] = None,
    latex_file: Annotated[
        Path | None, typer.Option("--latex", metavar="FILE", help="Write the table as LaTeX (booktabs).")
    ] = None,
    json_file: JsonFile = None,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of the intervals and tests.")] = 0,
) -> None:
    """Make Table 1 of the paper: DSC, ASSD and F1 of every method over all test cases.

    Each case is a test case in exactly one split, so the table covers all cases.
    DSC and ASSD are means over cases. F1 is computed from mean precision and
    mean recall, as in the paper. Each number has a 95 % bootstrap interval and
    the p value of a paired permutation test against CSCN, with Holm correction
    for the number of methods. The bootstrap and the test resample patients, not
    cases. The notes below the table list unfinished and failed runs; their
    cases are excluded.

    Example: cscn paper table 901 --budget 0.05 --published --markdown table1.md
    """
    from nnunet_cscn.files import write_json, write_text
    from nnunet_cscn.paper.scores import labels_of, patients_of_dataset, score_runs
    from nnunet_cscn.paper.table import table_rows
    from nnunet_cscn.paper.table_files import latex, markdown, write_csv

    for file in (csv_file, markdown_file, latex_file, json_file):
        if file is not None and file.is_dir():
            raise UserError(f"{file} is a folder: give a file name")
    runs = prepared_runs(dataset, configuration, budget, methods)
    name = runs[0].training.dataset
    labels = labels_of(name)
    with progress_bar() as progress:
        agreement = _observer_scores(observers, labels, progress) if observers is not None else {}
        task = progress.add_task("scoring", total=None)
        scored = score_runs(runs, on_progress=lambda done, all_: progress.update(task, completed=done, total=all_))
    patients = patients_of_dataset(name)
    tables = {
        label: table_rows(scored, label, patients, observers=agreement.get(label), seed=seed) for label in labels.values
    }
    for label, rows in tables.items():
        _show(f"{name}, {runs[0].training.configuration}: {label}", rows, published=published)
    if csv_file is not None:
        write_csv(csv_file, tables)
    for file, form in ((markdown_file, markdown), (latex_file, latex)):
        if file is not None:
            write_text(file, "\n".join(form(label, rows, published=published) for label, rows in tables.items()))
    if json_file is not None:
        write_json(json_file, _content(name, runs[0].training.configuration, tables, seed))


def _observer_scores(
    folders: str, labels: EvaluatedLabels, progress: Progress
) -> Mapping[str, Mapping[str, LabelScores]]:
    """Return the scores of the second observer against the first, by label."""
    from nnunet_cscn.evaluation.folder import score_folders

    parts = [Path(part.strip()) for part in folders.split(",")]
    if len(parts) != 2:
        raise UserError(f"--observers {folders}: expected two folders separated by a comma")
    first, second = parts
    task = progress.add_task("observers", total=None)
    found = score_folders(
        second, first, labels=labels, on_progress=lambda done, all_: progress.update(task, completed=done, total=all_)
    )
    return {label: {case: scores[label] for case, scores in found.cases.items()} for label in labels.values}


def _show(title: str, rows: Sequence[Row], *, published: bool) -> None:
    from nnunet_cscn.evaluation.numbers import format_p
    from nnunet_cscn.paper.table import COLUMNS
    from nnunet_cscn.paper.table_files import format_estimate, format_published

    shown = Table(title=escape(title), caption="95 % intervals; p against CSCN, Holm-adjusted", show_lines=True)
    shown.add_column("method")
    for column in COLUMNS:
        shown.add_column(column.heading, justify="right")
    for row in rows:
        cells = []
        for column in COLUMNS:
            cell = row.cells[column.key]
            lines = format_estimate(cell.estimate, column.digits).split(" ", 1)  # the interval is below the value
            lines += [f"p {format_p(cell.p)}"] if not math.isnan(cell.p) else []
            lines += [f"paper {format_published(cell, column.digits)}"] if published else []
            cells.append("\n".join(lines))
        shown.add_row(escape(row.method), *cells)
    console.print(shown)
    for row in rows:
        for note in row.notes:
            console.print(f"{row.method}: {note}", markup=False, highlight=False, soft_wrap=True)


def _content(dataset: str, configuration: str, tables: Mapping[str, Sequence[Row]], seed: int) -> dict[str, object]:
    return {
        "dataset": dataset,
        "configuration": configuration,
        "seed": seed,
        "labels": {
            label: [
                {"method": row.method, **{k: cell.to_json() for k, cell in row.cells.items()}, "notes": list(row.notes)}
                for row in rows
            ]
            for label, rows in tables.items()
        },
    }
