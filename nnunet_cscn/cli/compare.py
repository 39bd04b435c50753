"""``cscn compare``: methods against each other, case by case."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from nnunet_cscn.cli.app import console, progress_bar
from nnunet_cscn.cli.score_options import DatasetJson, JsonFile, Names, chosen_names
from nnunet_cscn.errors import UserError
from nnunet_cscn.evaluation.numbers import shown_p
from nnunet_cscn.metrics.empty_masks import EmptyDistance

if TYPE_CHECKING:
    from nnunet_cscn.evaluation.comparison import MetricComparison
    from nnunet_cscn.evaluation.labels import EvaluatedLabels
    from nnunet_cscn.evaluation.methods import MethodScores
    from nnunet_cscn.metrics.catalogue import Metric
    from nnunet_cscn.stats.ranks import Ranking

DEFAULT_METRICS = ("dsc", "nsd_2mm", "hd95_mm")


def compare(
    methods: Annotated[
        list[Path],
        typer.Argument(help="Two or more folders of predictions, or files that `cscn evaluate --json` wrote."),
    ],
    *,
    reference: Annotated[
        Path | None, typer.Option("--reference", metavar="FOLDER", help="The true label maps, for folders.")
    ] = None,
    names: Names = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            "--metric", metavar="KEY", help="Metric to compare, repeatable.", show_default=" ".join(DEFAULT_METRICS)
        ),
    ] = None,
    dataset_json: DatasetJson = None,
    empty_distance: Annotated[
        EmptyDistance,
        typer.Option(help="What stands for a distance where one mask is empty; an infinite one takes no part."),
    ] = "diagonal",
    common: Annotated[
        bool, typer.Option("--common", help="Leave out cases that some method lacks or that can't be read.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the bootstrap.")] = 0,
    json_file: JsonFile = None,
    figures: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Write the differences, and mean ranks of three or more, as PNG and SVG."),
    ] = None,
) -> None:
    """Compare methods on the same cases.

    For every pair, label and metric: the mean difference with its 95 %
    bootstrap interval, the p value of the Wilcoxon signed-rank test, adjusted
    for the number of pairs (Holm), the rank-biserial effect size, and in how
    many cases the first is better, equal and worse. For three methods or more
    also their mean ranks, the Friedman test and which of them can't be told
    apart (Nemenyi, 5 %).

    Example: cscn compare stock/validation cscn/validation --reference labelsTr
    """
    from nnunet_cscn.evaluation.comparison import compare_methods
    from nnunet_cscn.evaluation.labels import read_labels
    from nnunet_cscn.evaluation.methods import common_cases
    from nnunet_cscn.files import write_json

    if len(methods) < 2:
        raise UserError("give two or more folders of predictions (or files of scores) to compare")
    named = chosen_names(names, methods)
    chosen = _metrics(metric or list(DEFAULT_METRICS))
    labels = read_labels(dataset_json) if dataset_json is not None else None
    scores = [
        _scores(path, name, reference, labels, chosen, empty_distance, skip_bad=common)
        for path, name in zip(methods, named, strict=True)
    ]
    cases = common_cases(scores, only_common=common)
    found = compare_methods(scores, cases, chosen, seed=seed)
    if json_file is not None:
        content = {"methods": named, "n_cases": len(cases), "seed": seed, "comparisons": [c.to_json() for c in found]}
        write_json(json_file, content)
    try:
        if figures is not None:
            _draw(found, figures)
    finally:
        _show(found, n_left_out=len(set().union(*(method.values for method in scores))) - len(cases))


def _show(comparisons: list[MetricComparison], *, n_left_out: int) -> None:
    if n_left_out:
        console.print(f"{n_left_out} cases that some method lacks are left out")
    for comparison in comparisons:
        console.print(_pair_table(comparison))
        if comparison.ranking is not None:
            _show_ranking(comparison.ranking)


def _scores(
    path: Path,
    name: str,
    reference: Path | None,
    labels: EvaluatedLabels | None,
    metrics: list[Metric],
    empty_distance: EmptyDistance,
    *,
    skip_bad: bool,
) -> MethodScores:
    from nnunet_cscn.evaluation.folder import evaluate_folders
    from nnunet_cscn.evaluation.methods import MethodScores

    if path.is_file():
        return MethodScores.of_file(name, path, empty_distance=empty_distance)
    if reference is None:
        raise UserError(f"{path}: to compare folders, give the true label maps with --reference FOLDER")
    tolerances = [float(metric.key[4:-2]) for metric in metrics if metric.key.startswith("nsd_")]
    with progress_bar() as progress:
        task = progress.add_task(f"evaluating {escape(name)}", total=None)
        scores = evaluate_folders(
            path,
            reference,
            labels=labels,
            tolerances_mm=tolerances,
            empty_distance=empty_distance,
            skip_bad=skip_bad,
            on_progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
    for case, reason in scores.skipped.items():
        console.print(f"{name}: {case} is left out: {reason}", markup=False, highlight=False, soft_wrap=True)
    return MethodScores.of_folder(name, scores)


def _draw(comparisons: list[MetricComparison], folder: Path) -> None:
    from nnunet_cscn.report.difference_figure import difference_figure
    from nnunet_cscn.report.figures import file_names, save_figure
    from nnunet_cscn.report.measured import shown_label
    from nnunet_cscn.report.rank_figure import rank_figure

    parts = file_names(comparison.label for comparison in comparisons)
    for comparison in comparisons:
        name = f"{parts[comparison.label]}_{comparison.metric.key}"
        if comparison.cases:
            save_figure(difference_figure(comparison), folder / f"{name}_differences")
        if comparison.ranking is not None and len(comparison.cases) > 1:
            title = f"{shown_label(comparison.label)}: {comparison.metric.heading}, {len(comparison.cases)} cases"
            save_figure(rank_figure(comparison.ranking, title=title), folder / f"{name}_ranks")


def _metrics(keys: list[str]) -> list[Metric]:
    from nnunet_cscn.metrics.catalogue import metrics

    tolerances = [_tolerance(key) for key in keys if key.startswith("nsd_")]
    known = {metric.key: metric for metric in metrics(tolerances) if metric.better is not None}
    if unknown := [key for key in keys if key not in known]:
        raise UserError(f"--metric {unknown[0]}: there are {', '.join(known)}, and nsd_Nmm for a tolerance of N mm")
    return [known[key] for key in dict.fromkeys(keys)]


def _tolerance(key: str) -> float:
    try:
        tolerance = float(key.removeprefix("nsd_").removesuffix("mm"))
    except ValueError:
        tolerance = -1.0
    if not (math.isfinite(tolerance) and tolerance >= 0 and key == f"nsd_{tolerance:g}mm"):
        raise UserError(f"--metric {key}: expected a tolerance in mm, such as nsd_2mm or nsd_1.5mm")
    return tolerance


def _pair_table(comparison: MetricComparison) -> Table:
    metric = comparison.metric
    undefined = f"; undefined in {comparison.n_undefined} more" if comparison.n_undefined else ""
    table = Table(
        title=f"{escape(comparison.label)}: {metric.heading}, {metric.better} is better",
        caption=f"{len(comparison.cases)} cases{undefined}. Difference: mean of first minus second.",
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
            f"{paired.difference:+.{digits}f} ({paired.low:+.{digits}f} to {paired.high:+.{digits}f})",
            shown_p(paired.p),
            shown_p(pair.p_holm),
            f"{paired.effect:+.2f}",
            f"{pair.n_better}/{paired.n_equal}/{pair.n_worse}",
        )
    return table


def _show_ranking(ranking: Ranking) -> None:
    if math.isnan(ranking.critical_difference):
        console.print("mean ranks need two cases or more")
        return
    ranks = ", ".join(f"{escape(name)} {rank:.2f}" for name, rank in ranking.mean_ranks.items())
    console.print(
        f"mean ranks: {ranks}; Friedman p {shown_p(ranking.friedman_p)}, critical difference "
        f"{ranking.critical_difference:.2f}",
        highlight=False,
    )
    for group in ranking.groups:
        console.print(f"  not told apart: {', '.join(map(escape, group))}", highlight=False)
    if not ranking.groups:
        console.print("  all are told apart")
