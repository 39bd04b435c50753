"""Rank several methods on the same cases: mean ranks, Friedman test, Nemenyi test."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

SIGNIFICANCE = 0.05


@dataclass(frozen=True)
class Ranking:
    """The mean ranks of methods over the cases. Rank 1 is the best.

    Attributes:
        mean_ranks: Mean rank of each method, the best first. Equal values get the mean of their ranks.
        friedman_p: p value of the Friedman test (null hypothesis: all methods are equal). nan for fewer than three
            methods or two cases.
        critical_difference: Critical difference of the Nemenyi test: mean ranks with a larger difference differ
            significantly (5 %). nan for fewer than two cases.
        groups: Groups of methods that do not differ significantly, each as large as possible. One group of all methods
            for fewer than two cases.
    """

    mean_ranks: Mapping[str, float]
    friedman_p: float
    critical_difference: float
    groups: tuple[tuple[str, ...], ...]


def rank_methods(values: Mapping[str, Sequence[float]], *, higher_is_better: bool) -> Ranking:
    """Rank methods in each case and average the ranks (Demsar 2006, Journal of Machine Learning Research 7, 1-30).

    Args:
        values: For each method, one value for each case. All methods have the same order of cases.
        higher_is_better: Whether larger values are better.

    Raises:
        ValueError: When there are fewer than two methods, or their numbers of cases differ.

    Example:
        >>> ranking = rank_methods({"a": [0.9, 0.8], "b": [0.7, 0.8]}, higher_is_better=True)
        >>> ranking.mean_ranks
        {'a': 1.25, 'b': 1.75}
    """
    names = list(values)
    table = [np.asarray(values[name], dtype=np.float64) for name in names]
    if len(names) < 2 or len({column.size for column in table}) != 1:
        raise ValueError("values: expected two or more methods with the same number of cases")
    matrix = np.stack(table, axis=1)
    n_cases, n_methods = matrix.shape
    ranks = stats.rankdata(-matrix if higher_is_better else matrix, axis=1)
    means = ranks.mean(axis=0) if n_cases else np.full(n_methods, math.nan)
    ordered = {names[index]: float(means[index]) for index in np.argsort(means, kind="stable")}
    critical = critical_difference(n_methods, n_cases)
    return Ranking(ordered, _friedman_p(ranks), critical, _groups(ordered, critical))


def critical_difference(n_methods: int, n_cases: int) -> float:
    """Return the critical difference of mean ranks (Nemenyi test, 5 %). nan for fewer than two cases.

    Example:
        The table of Demsar (2006) has q = 2.569 for four methods.

        >>> round(critical_difference(4, 14), 2)
        1.25
    """
    if n_cases < 2:
        return math.nan
    q = stats.studentized_range.ppf(1 - SIGNIFICANCE, n_methods, math.inf) / math.sqrt(2)
    return float(q * math.sqrt(n_methods * (n_methods + 1) / (6 * n_cases)))


def _friedman_p(ranks: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float:
    n_cases, n_methods = ranks.shape
    if n_methods < 3 or n_cases < 2:
        return math.nan
    if (ranks == ranks[:, :1]).all():  # all methods are equal in every case
        return 1.0
    return float(stats.friedmanchisquare(*ranks.T).pvalue)


def _groups(mean_ranks: Mapping[str, float], critical: float) -> tuple[tuple[str, ...], ...]:
    names, found = list(mean_ranks), list[tuple[str, ...]]()
    for start, name in enumerate(names):
        group = tuple(other for other in names[start:] if not mean_ranks[other] - mean_ranks[name] > critical)
        if len(group) > 1 and not any(set(group) <= set(larger) for larger in found):
            found.append(group)
    return tuple(found)
