"""Confidence intervals and tests if a patient may have several cases.

Cases of one patient are not independent. So the bootstrap and the permutation test work on patients, not on single
cases. A statistic is a function of column means. Mean DSC uses one column; F1 uses two columns, precision and recall.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from nnunet_cscn.stats.paired import CONFIDENCE, N_RESAMPLES

Floats: TypeAlias = NDArray[np.float64]
Statistic = Callable[[Floats], Floats]  # from means (..., columns) to statistics (...)


@dataclass(frozen=True)
class Estimate:
    """A statistic with its 95 % confidence interval.

    Attributes:
        value: Value of the statistic.
        low: Lower end of the interval.
        high: Upper end of the interval.
    """

    value: float
    low: float
    high: float


def mean_statistic(means: Floats) -> Floats:
    """Return the mean of a single column."""
    only: Floats = means[..., 0]
    return only


def f1_of_means(means: Floats) -> Floats:
    """Return F1 computed from mean precision and mean recall (columns in this order).

    Example:
        >>> float(f1_of_means(np.array([0.5, 1.0]))), float(f1_of_means(np.array([0.0, 0.0])))
        (0.6666666666666666, 0.0)
    """
    precision, recall = means[..., 0], means[..., 1]
    both = precision + recall
    found: Floats = np.divide(2 * precision * recall, both, out=np.zeros_like(both), where=both > 0)
    return found


def bootstrap_estimate(columns: Floats, patients: Sequence[str], statistic: Statistic, *, seed: int = 0) -> Estimate:
    """Return a statistic with its 95 % bootstrap interval: 10,000 samples of patients, drawn with replacement.

    Args:
        columns: Finite values of shape (cases, columns).
        patients: The patient of each case.
        statistic: The function of the column means.
        seed: Seed of the bootstrap.

    Example:
        >>> found = bootstrap_estimate(np.array([[0.6], [0.8], [0.7]]), ["a", "b", "c"], mean_statistic)
        >>> round(found.value, 6), round(found.low, 6), round(found.high, 6)
        (0.7, 0.6, 0.8)
    """
    sums, counts = _by_patient(columns, patients)
    random = np.random.default_rng(seed)
    drawn = random.multinomial(len(counts), np.full(len(counts), 1 / len(counts)), size=N_RESAMPLES)
    statistics = statistic((drawn @ sums) / (drawn @ counts)[:, None])
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(statistics, (tail, 100 - tail))
    return Estimate(float(statistic(columns.mean(axis=0))), float(low), float(high))


def paired_permutation_test(
    first: Floats, second: Floats, patients: Sequence[str], statistic: Statistic, *, seed: int = 0
) -> float:
    """Return the two-sided p value of a paired permutation test on the difference between two methods.

    Under the null hypothesis, the results of both methods can be swapped in any patient. For up to 13 patients, the
    test computes all combinations of swaps. For more patients, it uses 10,000 random combinations.

    Args:
        first: Finite values of one method, shape (cases, columns).
        second: Values of the other method for the same cases.
        patients: The patient of each case.
        statistic: The function of the column means.
        seed: Seed of the random swaps.

    Example:
        The first method is better in all three patients. 2 of the 8 combinations of swaps give an equal or larger
        difference.

        >>> first, second = np.array([[0.8], [0.7], [0.9]]), np.array([[0.6], [0.6], [0.6]])
        >>> paired_permutation_test(first, second, ["a", "b", "c"], mean_statistic)
        0.25
    """
    one, counts = _by_patient(first, patients)
    two, _ = _by_patient(second, patients)
    n_patients, n_cases = len(counts), len(first)

    def difference(is_swapped: NDArray[np.bool_]) -> Floats:
        moved = is_swapped.astype(np.float64) @ (two - one)
        return statistic((one.sum(axis=0) + moved) / n_cases) - statistic((two.sum(axis=0) - moved) / n_cases)

    found = abs(difference(np.zeros((1, n_patients), dtype=bool))[0])
    if 2**n_patients <= N_RESAMPLES:
        changes = (np.arange(2**n_patients)[:, None] >> np.arange(n_patients) & 1).astype(bool)
        return float(np.mean(np.abs(difference(changes)) >= found - 1e-12))
    changes = np.random.default_rng(seed).random((N_RESAMPLES, n_patients)) < 0.5
    return float((1 + np.count_nonzero(np.abs(difference(changes)) >= found - 1e-12)) / (1 + N_RESAMPLES))


def _by_patient(columns: Floats, patients: Sequence[str]) -> tuple[Floats, NDArray[np.int64]]:
    """Return the sums over the cases of each patient, (patients, columns), and the number of cases of each patient."""
    names, index = np.unique(np.asarray(patients), return_inverse=True)
    sums = np.zeros((len(names), columns.shape[1]))
    np.add.at(sums, index, columns)
    return sums, np.bincount(index)
