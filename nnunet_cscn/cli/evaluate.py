"""``cscn evaluate``: evaluate a folder of predictions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from nnunet_cscn.cli.app import console, progress_bar
from nnunet_cscn.cli.calibration_tables import show_calibration
from nnunet_cscn.cli.cut_tables import WRITES_ALL, add_rows, show_lines
from nnunet_cscn.cli.notes import show_notes
from nnunet_cscn.cli.score_options import EmptyDistanceOption, SkipBad, Tolerances, Workers, tolerances_mm
from nnunet_cscn.errors import UserError
from nnunet_cscn.evaluation.numbers import format_number
from nnunet_cscn.texts import counted

if TYPE_CHECKING:
    from nnunet_cscn.evaluation.aggregate import Statistics
    from nnunet_cscn.evaluation.folder import FolderScores
    from nnunet_cscn.metrics.catalogue import Metric


SHOWN_PER_CASE = ("dsc", "precision", "recall", "assd_mm", "hd95_mm")  # columns that fit into a terminal


def evaluate(
    predictions: Annotated[Path, typer.Argument(help="Folder of predicted label maps, such as case_1.nii.gz.")],
    references: Annotated[Path, typer.Argument(help="Folder of reference label maps with the same names.")],
    *,
    definitions: Annotated[
        bool,
        typer.Option("--definitions", callback=show_definitions, is_eager=True, help="Explain every metric and exit."),
    ] = False,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write all scores to this JSON file.")
    ] = None,
    dataset_json: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="nnU-Net dataset.json with label names, regions and the ignore label. "
            "Without it, every value above 0 in the files is a label.",
        ),
    ] = None,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Write one row per case and label to this CSV file.")
    ] = None,
    summary_file: Annotated[
        Path | None,
        typer.Option("--summary", metavar="FILE", help="Write a file in the format of nnU-Net's summary.json."),
    ] = None,
    probabilities: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Probability maps of the same cases (or CASE.npz): adds calibration and the best threshold. "
            "Use validation cases.",
        ),
    ] = None,
    groups: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="With --probabilities: CSV file with the columns case and group."),
    ] = None,
    nsd: Tolerances = "1,2,3",
    empty_distance: EmptyDistanceOption = "infinite",
    skip_bad: SkipBad = False,
    workers: Workers = None,
) -> None:
    """Evaluate predictions against references, for each case and label.

    Metrics: DSC, IoU, precision, recall, F1; ASSD, HD95, HD and surface Dice
    (NSD); volumes, added path length, connected components and lesion-wise F1.
    They are computed on the grid of the files, in mm and ml. --definitions
    explains each metric.

    Label maps may be NIfTI, NRRD, MetaImage, GIPL, TIFF, PNG or BMP files, also
    flat ones. Each case must have the same name and the same grid in both
    folders. Other files that nnU-Net writes next to its predictions are
    ignored. Voxels with the ignore label in the reference are excluded.

    If exactly one mask is empty, overlap metrics are 0 and distances are
    infinite. If both are empty, the case is excluded from the means. The table
    shows the number of these cases.

    --probabilities adds a table of the calibration (expected calibration error,
    Brier score) and the threshold with the best mean DSC for each group of cases.
    The gain of the threshold is measured by cross-validation, in cases that did
    not take part in choosing it. Use validation cases, not test cases.

    Example: cscn evaluate predictions labelsTs --json scores.json --csv s.csv
    """
    from nnunet_cscn.evaluation.tables import write_csv, write_summary
    from nnunet_cscn.files import write_json
    from nnunet_cscn.workflows.evaluate import evaluate_folders, evaluate_probabilities

    if groups is not None and probabilities is None:
        raise UserError("--groups is only used with --probabilities: add --probabilities")
    targets = {"--json": json_file, "--csv": csv_file, "--summary": summary_file}
    for option, file in targets.items():
        if file is not None and file.is_dir():
            raise UserError(f"{option} {file}: this is a folder; give a file name")
    with progress_bar() as progress:
        task = progress.add_task("evaluating", total=None)
        scores = evaluate_folders(
            predictions,
            references,
            dataset_json=dataset_json,
            tolerances_mm=tolerances_mm(nsd),
            empty_distance=empty_distance,
            skip_bad=skip_bad,
            workers=workers,
            on_progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
        calibration = None
        if probabilities is not None:
            second = progress.add_task("calibration", total=None)
            calibration = evaluate_probabilities(
                probabilities,
                {case: files.reference for case, files in scores.files.items()},
                dataset_json=dataset_json,
                groups=groups,
                workers=workers,
                on_progress=lambda done, total: progress.update(second, completed=done, total=total),
            )
    content = scores.to_json()
    if calibration is not None:
        content["calibration"] = {label: found.to_json() for label, found in calibration.items()}
    try:
        if json_file is not None:
            _write("--json", json_file, lambda file: write_json(file, content))
        if csv_file is not None:
            _write("--csv", csv_file, lambda file: write_csv(file, scores))
        if summary_file is not None:
            _write("--summary", summary_file, lambda file: write_summary(file, scores))
    finally:
        console.print(_case_table(scores))
        console.print(_statistics_table(scores))
        console.print(_aggregate_table(scores))
        if calibration is not None:
            show_calibration(calibration)
        _show_skipped(scores)
        show_notes(scores.notes, WRITES_ALL)


def show_definitions(wanted: bool) -> None:
    """Print the definition of each metric and exit."""
    if wanted:
        from nnunet_cscn.metrics.catalogue import metrics

        for metric in metrics():
            console.print(f"[bold]{metric.key}[/] ({metric.heading}): {metric.definition}", highlight=False)
        raise typer.Exit


def _write(option: str, file: Path, write: Callable[[Path], None]) -> None:
    try:
        write(file)
    except BrokenPipeError:  # of standard output
        raise
    except OSError as fault:
        raise UserError(f"{option} {file}: the file cannot be written ({fault.strerror})") from None


def _show_skipped(scores: FolderScores) -> None:
    if not scores.skipped:
        return
    n_skipped = len(scores.skipped)
    console.print(f"left out: {n_skipped} of {counted(n_skipped + len(scores.cases), 'case')}")
    lines = [f"  {case}: {reason}" for case, reason in scores.skipped.items()]
    show_lines(lines, WRITES_ALL, noun="more case")


def _case_table(scores: FolderScores) -> Table:
    table = Table(title="Cases", caption="For a single case, F1 is the same number as DSC.")
    for heading in ("case", "label"):
        table.add_column(heading, overflow="fold")
    shown = [metric for metric in scores.metrics if metric.key in SHOWN_PER_CASE]
    for metric in shown:
        table.add_column(metric.heading, justify="right")
    rows = (
        (escape(case), escape(label), *(format_number(metric.value(score), metric.digits) for metric in shown))
        for case, by_label in scores.cases.items()
        for label, score in by_label.items()
    )
    add_rows(table, rows, sum(map(len, scores.cases.values())), "--csv FILE writes all")
    return table


def _statistics_table(scores: FolderScores) -> Table:
    table = Table(title="Metrics", caption="Over the cases in which a metric is defined and finite.")
    for heading in ("label", "metric"):
        table.add_column(heading, overflow="fold")
    for heading in ("mean", "SD", "median", "quartiles"):
        table.add_column(heading, justify="right")
    rows = (
        _statistics_row(label, metric, together.statistics[metric.key])
        for label, together in scores.aggregate.items()
        for metric in scores.metrics
    )
    add_rows(table, rows, len(scores.aggregate) * len(scores.metrics), WRITES_ALL)
    return table


def _statistics_row(label: str, metric: Metric, found: Statistics) -> tuple[str, ...]:
    mean, sd, median, q25, q75 = (
        format_number(value, metric.digits) for value in (found.mean, found.sd, found.median, found.q25, found.q75)
    )
    return escape(label), metric.heading, mean, sd, median, f"{q25} to {q75}"


def _aggregate_table(scores: FolderScores) -> Table:
    table = Table(
        title="All cases",
        caption="DSC and F1 count a case with one empty mask as 0 and leave out a case with two. ASSD is the mean of "
        "the finite ones; 'inf' counts the infinite ones that are left out.",
    )
    table.add_column("label", overflow="fold")
    for heading in ("n", "DSC mean", "F1 of means", "DSC agg", "ASSD mm", "inf", "only ref. empty", "only pred. empty"):
        table.add_column(heading, justify="right")
    table.add_column("both empty", justify="right")
    for label, together in scores.aggregate.items():
        means = (format_number(value, 3) for value in (together.dsc_mean, together.f1_of_means, together.dsc_agg))
        empty = (together.n_empty_reference, together.n_empty_prediction, together.n_both_empty)
        counts = (str(count) for count in (together.n_infinite_distance, *empty))
        table.add_row(escape(label), str(together.n), *means, format_number(together.assd_mm_mean, 2), *counts)
    return table
