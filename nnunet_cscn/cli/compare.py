"""``cscn compare``: compare methods on the same cases."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from nnunet_cscn.cli.app import console
from nnunet_cscn.cli.cut_tables import WRITES_ALL, show_lines
from nnunet_cscn.cli.notes import show_notes
from nnunet_cscn.cli.score_options import DatasetJson, JsonFile, Names, SkipBad, Workers, chosen_names
from nnunet_cscn.cli.steps import step_progress
from nnunet_cscn.evaluation.numbers import format_p
from nnunet_cscn.metrics.defaults import COMPARED_METRICS
from nnunet_cscn.metrics.empty_masks import EmptyDistance
from nnunet_cscn.texts import counted

if TYPE_CHECKING:
    from nnunet_cscn.evaluation.comparison import MetricComparison
    from nnunet_cscn.stats.paired import PairedComparison
    from nnunet_cscn.stats.ranks import Ranking
    from nnunet_cscn.workflows.compare import Comparison


def compare(
    methods: Annotated[
        list[Path],
        typer.Argument(help="Two or more folders of predictions, or JSON files from `cscn evaluate --json`."),
    ],
    *,
    reference: Annotated[
        Path | None,
        typer.Option(
            "--reference", metavar="FOLDER", help="Folder of reference label maps. Required for folders of predictions."
        ),
    ] = None,
    names: Names = None,
    metrics: Annotated[
        list[str] | None,
        typer.Option(
            "--metric",
            metavar="KEY",
            help="Metric to compare. Repeat for several.",
            show_default=" ".join(COMPARED_METRICS),
        ),
    ] = None,
    dataset_json: DatasetJson = None,
    empty_distance: Annotated[
        EmptyDistance,
        typer.Option(help="Surface distance to use when exactly one mask is empty; infinite distances are excluded."),
    ] = "diagonal",
    skip_bad: SkipBad = False,
    only_common: Annotated[
        bool, typer.Option("--common", help="Use only the cases that every method has and that can be read.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of the bootstrap.")] = 0,
    workers: Workers = None,
    json_file: JsonFile = None,
    figures: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Write plots of the differences and mean ranks (3+ methods) as PNG and SVG."
        ),
    ] = None,
) -> None:
    """Compare methods on the same cases with statistical tests.

    For each pair of methods, label and metric, the command reports the mean
    difference with a 95 % bootstrap interval. It adds the p value of the
    Wilcoxon signed-rank test, also with Holm correction for the number of pairs,
    and the rank-biserial effect size. It counts the cases in which the first
    method is better, equal or worse. For three or more methods it adds mean ranks, the
    Friedman test and the groups of methods that do not differ significantly
    (Nemenyi test, 5 %). A single case has no interval, and with fewer than six
    cases no paired test can reach 0.05.

    Example: cscn compare stock/validation cscn/validation --reference labelsTr
    """
    from nnunet_cscn.files import write_json
    from nnunet_cscn.workflows.compare import compare_folders

    named = dict(zip(chosen_names(names, methods), methods, strict=True))
    with step_progress() as show:
        found = compare_folders(
            named,
            reference,
            metrics=metrics or COMPARED_METRICS,
            dataset_json=dataset_json,
            empty_distance=empty_distance,
            skip_bad=skip_bad,
            only_common=only_common,
            seed=seed,
            workers=workers,
            on_progress=lambda name, done, total: show(f"evaluating {name}", done, total),
        )
    _show_skipped(found)
    if json_file is not None:
        write_json(json_file, found.to_json())
    try:
        if figures is not None:
            found.write_figures(figures)
    finally:
        _show(found)


def _show_skipped(found: Comparison) -> None:
    lines = [
        f"{name}: {case} is left out: {reason}"
        for name, skipped in found.skipped.items()
        for case, reason in skipped.items()
    ]
    show_lines(lines, WRITES_ALL, noun="more case")


def _show(found: Comparison) -> None:
    show_notes((f"{name}: {note}" for name, notes in found.notes.items() for note in notes), WRITES_ALL)
    if found.left_out:
        console.print(f"left out, because some method lacks them: {counted(len(found.left_out), 'case')}")
    show_notes(dict.fromkeys(comparison.note for comparison in found.metrics if comparison.note), WRITES_ALL)
    for comparison in found.metrics:
        console.print(_pair_table(comparison))
        if comparison.ranking is not None:
            _show_ranking(comparison.ranking)


def _pair_table(comparison: MetricComparison) -> Table:
    metric = comparison.metric
    undefined = f"; undefined in {comparison.n_undefined} more" if comparison.n_undefined else ""
    table = Table(
        title=f"{escape(comparison.label)}: {metric.heading}, {metric.better} is better",
        caption=f"{counted(len(comparison.cases), 'case')}{undefined}. Difference: mean of first minus second.",
    )
    for heading in ("first", "second"):
        table.add_column(heading, overflow="fold")
    for heading in ("means", "difference (95 % interval)", "p", "p Holm", "effect", "better/equal/worse"):
        table.add_column(heading, justify="right")
    digits = metric.digits
    for pair in comparison.pairs:
        paired = pair.paired
        table.add_row(
            escape(pair.first),
            escape(pair.second),
            f"{paired.first_mean:.{digits}f} {paired.second_mean:.{digits}f}",
            f"{paired.difference:+.{digits}f} ({_interval(paired, digits)})",
            format_p(paired.p),
            format_p(pair.p_holm),
            f"{paired.effect:+.2f}",
            f"{pair.n_better}/{paired.n_equal}/{pair.n_worse}",
        )
    return table


def _interval(paired: PairedComparison, digits: int) -> str:
    if math.isnan(paired.low):
        return "no interval"
    return f"{paired.low:+.{digits}f} to {paired.high:+.{digits}f}"


def _show_ranking(ranking: Ranking) -> None:
    if math.isnan(ranking.critical_difference):
        console.print("mean ranks need two cases or more")
        return
    ranks = ", ".join(f"{escape(name)} {rank:.2f}" for name, rank in ranking.mean_ranks.items())
    console.print(
        f"mean ranks: {ranks}; Friedman p {format_p(ranking.friedman_p)}, critical difference "
        f"{ranking.critical_difference:.2f}",
        highlight=False,
    )
    for group in ranking.groups:
        console.print(f"  not told apart: {', '.join(map(escape, group))}", highlight=False)
    if not ranking.groups:
        console.print("  all are told apart")
