"""Compare methods on the same cases, from folders of predictions or from score files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnunet_cscn.errors import ArgumentError
from nnunet_cscn.evaluation.comparison import MetricComparison, compare_methods
from nnunet_cscn.evaluation.folder import score_folders
from nnunet_cscn.evaluation.labels import EvaluatedLabels
from nnunet_cscn.evaluation.methods import MethodScores, common_cases
from nnunet_cscn.formats.named_reader import reader_for
from nnunet_cscn.metrics.defaults import COMPARED_METRICS
from nnunet_cscn.metrics.empty_masks import EmptyDistance
from nnunet_cscn.metrics.selection import compared_metrics, surface_tolerances_mm
from nnunet_cscn.workflows.labels import Labels, chosen_labels
from nnunet_cscn.workflows.progress import OnStepProgress, for_step

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class Comparison:
    """The result of a comparison of methods.

    Attributes:
        methods: Names of the methods.
        cases: Names of the compared cases.
        left_out: Names of the cases that only some of the methods have.
        skipped: For each method, the cases that could not be evaluated, with the reason. Cases that are marked as
            skipped in a score file are listed only with ``skip_bad``.
        seed: Seed of the bootstrap.
        metrics: The result for each label and metric: all pairs of methods, and the ranks of three or more methods.
        notes: For each method, notes on its scores.
    """

    methods: tuple[str, ...]
    cases: tuple[str, ...]
    left_out: tuple[str, ...]
    skipped: Mapping[str, Mapping[str, str]]
    seed: int
    metrics: tuple[MetricComparison, ...]
    notes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return everything for a JSON file, with nan as None."""
        return {
            "methods": list(self.methods),
            "n_cases": len(self.cases),
            "skipped": {name: dict(cases) for name, cases in self.skipped.items() if cases},
            "seed": self.seed,
            "notes": {name: list(notes) for name, notes in self.notes.items()},
            "comparisons": [found.to_json() for found in self.metrics],
        }

    def to_dataframe(self) -> pandas.DataFrame:
        """Return one row for each label, metric and pair of methods.

        The columns are label, metric, first and second; the fields of ``stats.paired.PairedComparison``; p_holm; and
        n_better and n_worse, the numbers of cases in which the first method is better or worse.
        """
        import pandas

        return pandas.DataFrame(
            [
                {
                    "label": found.label,
                    "metric": found.metric.key,
                    "first": pair.first,
                    "second": pair.second,
                    **asdict(pair.paired),
                    "p_holm": pair.p_holm,
                    "n_better": pair.n_better,
                    "n_worse": pair.n_worse,
                }
                for found in self.metrics
                for pair in found.pairs
            ]
        )

    def write_figures(self, folder: str | Path) -> list[Path]:
        """Write PNG and SVG figures of the differences and, for three or more methods, the mean ranks."""
        from nnunet_cscn.report.comparison_figures import write_comparison_figures

        return write_comparison_figures(self.metrics, Path(folder))


def compare_folders(
    methods: Mapping[str, str | Path],
    reference: str | Path | None = None,
    *,
    metrics: Sequence[str] = COMPARED_METRICS,
    dataset_json: str | Path | None = None,
    labels: Labels | EvaluatedLabels | None = None,
    empty_distance: EmptyDistance = "diagonal",
    skip_bad: bool = False,
    only_common: bool = False,
    seed: int = 0,
    workers: int | None = None,
    on_progress: OnStepProgress | None = None,
) -> Comparison:
    """Compare two or more methods on the same cases, for each label and metric.

    For each pair of methods, the result contains the mean difference with its 95 % bootstrap interval, the p value of
    the Wilcoxon signed-rank test, adjusted for the number of pairs (Holm), the rank-biserial effect size, and the
    number of cases in which the first method is better. For three or more methods, it also contains mean ranks, the
    Friedman test, and the groups of methods that do not differ significantly (Nemenyi test, 5 %).

    Args:
        methods: For each method, by its name, the folder of its predictions or a JSON file with scores from ``cscn
            evaluate``.
        reference: Folder of the reference label maps. Needed for folders of predictions.
        metrics: Keys of the metrics, such as ``dsc``, ``hd95_mm``, ``assd_mm``, or ``nsd_2mm`` for the surface Dice
            with a tolerance of 2 mm.
        dataset_json: nnU-Net's dataset.json with label names, regions and the ignore label.
        labels: The value of each label (or the values of a region) by name, instead of a dataset.json.
        empty_distance: The surface distance to use if exactly one mask is empty. Infinite distances are excluded.
        skip_bad: Exclude cases that cannot be evaluated for any of the methods, instead of raising an error.
        only_common: Use only the cases that all methods have, instead of raising an error.
        seed: Seed of the bootstrap.
        workers: Number of cases at the same time. None for one per available processor.
        on_progress: Called with the name of a method, the number of its finished cases and of all its cases.

    Returns:
        The comparison. ``to_dataframe()`` returns the pairs, ``metrics`` contains everything, and
        ``write_figures(folder)`` writes figures.

    Raises:
        UserError: When cases cannot be evaluated, or the methods do not have the same cases. The message lists all such
            cases.
        ArgumentError: When the value of an argument is not valid.

    Example:
        ::

            found = compare_folders({"stock": "stock/validation", "CSCN": "cscn/validation"}, reference="labelsTr")
            found.to_dataframe()[["label", "metric", "difference", "low", "high", "p_holm"]]
    """
    if len(methods) < 2:
        raise ArgumentError("methods", "expected at least two folders of predictions (or files of scores)")
    chosen = compared_metrics(metrics)
    score = partial(
        _scores,
        reference=reference,
        dataset_json=None if dataset_json is None else Path(dataset_json),
        labels=chosen_labels(dataset_json, labels),
        tolerances_mm=surface_tolerances_mm([metric.key for metric in chosen]),
        empty_distance=empty_distance,
        skip_bad=skip_bad or only_common,
        workers=workers,
        on_progress=on_progress,
    )
    scores = [score(name, Path(path)) for name, path in methods.items()]
    compared = _exclude_skipped(scores) if skip_bad else scores
    cases = common_cases(compared, only_common=only_common)
    everywhere = set[str]().union(*(method.values for method in scores))
    return Comparison(
        methods=tuple(methods),
        cases=tuple(cases),
        left_out=tuple(sorted(everywhere - set(cases))),
        skipped={
            method.name: method.skipped for method in scores if skip_bad or not Path(methods[method.name]).is_file()
        },
        seed=seed,
        metrics=tuple(compare_methods(compared, cases, chosen, seed=seed)),
        notes={method.name: method.notes for method in scores if method.notes},
    )


def _scores(
    name: str,
    path: Path,
    *,
    reference: str | Path | None,
    dataset_json: Path | None,
    labels: EvaluatedLabels | None,
    tolerances_mm: Sequence[float],
    empty_distance: EmptyDistance,
    skip_bad: bool,
    workers: int | None,
    on_progress: OnStepProgress | None,
) -> MethodScores:
    if path.is_file():
        return MethodScores.from_file(name, path, empty_distance=empty_distance)
    if reference is None:
        raise ArgumentError(
            "reference", f"the reference label maps are missing: give their folder to compare folders such as {path}"
        )
    scores = score_folders(
        path,
        Path(reference),
        labels=labels,
        tolerances_mm=tolerances_mm,
        empty_distance=empty_distance,
        skip_bad=skip_bad,
        workers=workers,
        reader=reader_for(dataset_json, path),
        on_progress=for_step(on_progress, name),
    )
    return MethodScores.from_folder(name, scores)


def _exclude_skipped(methods: Sequence[MethodScores]) -> list[MethodScores]:
    """Exclude, for all methods, the cases that could not be evaluated for one method."""
    bad = {case for method in methods for case in method.skipped}
    return [method.without(bad) for method in methods]
