"""Compare every pair of methods for each label and metric, with statistical tests."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from nnunet_cscn.evaluation.methods import MethodScores, paired_values
from nnunet_cscn.metrics.catalogue import Metric
from nnunet_cscn.metrics.scores import json_number
from nnunet_cscn.stats.paired import FEWEST_CASES, PairedComparison, compare_paired, holm
from nnunet_cscn.stats.ranks import Ranking, rank_methods
from nnunet_cscn.texts import counted


@dataclass(frozen=True)
class PairResult:
    """The comparison of two methods for one label and one metric.

    Attributes:
        first: Name of the first method.
        second: Name of the second method.
        paired: The result of the comparison.
        p_holm: The p value, adjusted (Holm) for all pairs of the same label and metric.
        n_better: Number of cases in which the first method is better.
        n_worse: Number of cases in which the second method is better.
    """

    first: str
    second: str
    paired: PairedComparison
    p_holm: float
    n_better: int
    n_worse: int

    def to_json(self) -> dict[str, Any]:
        """Return everything for a JSON file."""
        numbers = {key: json_number(value) for key, value in asdict(self.paired).items()}
        return {
            "first": self.first,
            "second": self.second,
            **numbers,
            "p_holm": json_number(self.p_holm),
            "wins": self.n_better,
            "ties": self.paired.n_equal,
            "losses": self.n_worse,
        }


@dataclass(frozen=True)
class MetricComparison:
    """The comparison of all methods for one label and one metric.

    Attributes:
        label: The label.
        metric: The metric.
        cases: The cases in which all methods have a finite value.
        n_undefined: Number of cases without a finite value for at least one method, for example because both masks are
            empty.
        pairs: The comparison of each pair of methods.
        ranking: Mean ranks, if there are three or more methods.
    """

    label: str
    metric: Metric
    cases: tuple[str, ...]
    n_undefined: int
    pairs: tuple[PairResult, ...]
    ranking: Ranking | None

    @property
    def note(self) -> str:
        """A warning if there are too few cases for a test; else empty.

        Example:
            >>> MetricComparison("GTVp", None, ("a", "b"), 0, (), None).note
            'with 2 cases no paired test can reach p < 0.05: at least 6 are needed'
        """
        n_cases = len(self.cases)
        if n_cases >= FEWEST_CASES:
            return ""
        number = counted(n_cases, "case")
        return f"with {number} no paired test can reach p < 0.05: at least {FEWEST_CASES} are needed"

    def to_json(self) -> dict[str, Any]:
        """Return everything for a JSON file."""
        content: dict[str, Any] = {
            "label": self.label,
            "metric": self.metric.key,
            "n": len(self.cases),
            "n_undefined": self.n_undefined,
            "pairs": [pair.to_json() for pair in self.pairs],
        }
        if self.note:
            content["note"] = self.note
        if self.ranking is not None:
            content["ranking"] = {
                "mean_ranks": dict(self.ranking.mean_ranks),
                "friedman_p": json_number(self.ranking.friedman_p),
                "critical_difference": json_number(self.ranking.critical_difference),
                "not_told_apart": [list(group) for group in self.ranking.groups],
            }
        return content


def compare_methods(
    methods: Sequence[MethodScores], cases: Sequence[str], metrics: Sequence[Metric], *, seed: int = 0
) -> list[MetricComparison]:
    """Compare every pair of methods for each label and metric.

    The p values are adjusted (Holm) for the number of pairs within one label and metric. They are not adjusted for the
    number of labels and metrics.

    Args:
        methods: Two or more methods. Each has values for all cases.
        cases: The cases.
        metrics: Metrics for which higher or lower values are better.
        seed: Seed of the bootstrap.
    """
    labels = list(dict.fromkeys(label for method in methods for case in cases for label in method.values[case]))
    return [_compared(methods, cases, label, metric, seed) for label in labels for metric in metrics]


def _compared(
    methods: Sequence[MethodScores], cases: Sequence[str], label: str, metric: Metric, seed: int
) -> MetricComparison:
    kept, values = paired_values(methods, cases, label, metric.key)
    names = list(itertools.combinations(values, 2))
    found = [compare_paired(values[first], values[second], seed=seed) for first, second in names]
    pairs = []
    for (first, second), paired, p_holm in zip(names, found, holm([pair.p for pair in found]), strict=True):
        better, worse = paired.n_larger, paired.n_smaller
        if metric.better == "lower":
            better, worse = worse, better
        pairs.append(PairResult(first, second, paired, p_holm, better, worse))
    ranking = rank_methods(values, higher_is_better=metric.better == "higher") if len(methods) > 2 and kept else None
    return MetricComparison(label, metric, tuple(kept), len(cases) - len(kept), tuple(pairs), ranking)
