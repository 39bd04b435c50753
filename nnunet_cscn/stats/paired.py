"""Two methods on the same cases: test, interval, effect size, wins."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import stats

N_RESAMPLES = 10_000
CONFIDENCE = 0.95
FEWEST_CASES = 6
"""Fewest cases in which the two-sided signed-rank test can reach 0.05: the smallest p of n cases is 2 / 2^n."""

Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class Paired:
    """What a comparison of two methods on the same cases found.

    Attributes:
        n: Cases.
        first_mean: Mean of the first method.
        second_mean: Mean of the second one.
        difference: Mean of first minus second.
        low: Lower end of the 95 % bootstrap interval of the mean difference; nan for a single case.
        high: Upper end, likewise.
        p: Two-sided p of the Wilcoxon signed-rank test; 1 when no case differs, nan without cases.
        effect: Matched-pairs rank-biserial correlation, from -1 (the second is larger in every case that differs) to 1;
            0 when no case differs.
        n_larger: Cases in which the first is larger.
        n_equal: Cases in which both are equal.
        n_smaller: Cases in which the first is smaller.
    """

    n: int
    first_mean: float
    second_mean: float
    difference: float
    low: float
    high: float
    p: float
    effect: float
    n_larger: int
    n_equal: int
    n_smaller: int


def compare_paired(first: Sequence[float], second: Sequence[float], *, seed: int = 0) -> Paired:
    """Compare two methods on the same cases.

    The Wilcoxon signed-rank test leaves out cases without a difference, and is exact up to 50 cases without ties. The
    interval holds the middle 95 % of the means of 10,000 samples of the cases' differences, drawn with replacement from
    a seed. The effect size is (W+ - W-) / (W+ + W-) (Kerby 2014, doi:10.2466/11.IT.3.1).

    Args:
        first: One finite value for each case.
        second: The other method's, in the same order.
        seed: Seed of the bootstrap.

    Raises:
        ValueError: When the lengths differ or a value is not finite.

    Example:
        >>> found = compare_paired([0.8, 0.7, 0.9], [0.6, 0.6, 0.9])
        >>> round(found.difference, 3), found.effect, found.n_larger, found.n_equal
        (0.1, 1.0, 2, 1)
    """
    one, two = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if one.shape != two.shape or one.ndim != 1:
        raise ValueError(f"second: expected {one.size} values as in first, got {two.size}")
    if not (np.isfinite(one).all() and np.isfinite(two).all()):
        raise ValueError("values: expected finite numbers")
    if not one.size:
        nothing = math.nan
        return Paired(0, nothing, nothing, nothing, nothing, nothing, nothing, nothing, 0, 0, 0)
    differences = one - two
    # what rounding leaves of a difference is none
    differences[np.isclose(one, two, rtol=1e-12, atol=1e-12)] = 0.0
    low, high = bootstrap_interval(differences, seed=seed) if one.size > 1 else (math.nan, math.nan)
    return Paired(
        n=one.size,
        first_mean=float(one.mean()),
        second_mean=float(two.mean()),
        difference=float(differences.mean()),
        low=low,
        high=high,
        p=_wilcoxon(differences),
        effect=_rank_biserial(differences),
        n_larger=int(np.count_nonzero(differences > 0)),
        n_equal=int(np.count_nonzero(differences == 0)),
        n_smaller=int(np.count_nonzero(differences < 0)),
    )


def bootstrap_interval(values: Floats, *, seed: int = 0) -> tuple[float, float]:
    """Return the 95 % percentile interval of the mean of some values, from 10,000 samples drawn with replacement."""
    random = np.random.default_rng(seed)
    means = np.concatenate(
        [  # in parts: a thousand cases would take 80 MB at once
            values[random.integers(0, values.size, (N_RESAMPLES // 10, values.size))].mean(axis=1) for _ in range(10)
        ]
    )
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(means, (tail, 100 - tail))
    return float(low), float(high)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p values of one family of tests for their number (Holm 1979).

    Args:
        p_values: Raw p values; nan stays nan and does not count.

    Returns:
        The adjusted ones in the same order, at most 1.

    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    order = sorted((p, index) for index, p in enumerate(p_values) if not math.isnan(p))
    adjusted = [math.nan] * len(p_values)
    largest = 0.0
    for rank, (p, index) in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - rank) * p))
        adjusted[index] = largest
    return adjusted


def _wilcoxon(differences: Floats) -> float:
    return float(stats.wilcoxon(differences).pvalue) if differences.any() else 1.0


def _rank_biserial(differences: Floats) -> float:
    kept = differences[differences != 0]
    if not kept.size:
        return 0.0
    ranks = stats.rankdata(np.abs(kept))
    return float((ranks[kept > 0].sum() - ranks[kept < 0].sum()) / ranks.sum())
