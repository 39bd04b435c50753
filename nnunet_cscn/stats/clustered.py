"""Intervals and tests for figures made of means over cases, where several cases may be of one patient.

Cases of one patient are not independent, so patients are drawn and swapped, never single cases. A figure is a function
of the means of some columns: the mean DSC of one column, F1 of the two of precision and recall.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from nnunet_cscn.stats.paired import CONFIDENCE, N_RESAMPLES

Floats: TypeAlias = NDArray[np.float64]
Figure = Callable[[Floats], Floats]  # means (..., columns) to figures (...)


@dataclass(frozen=True)
class Estimate:
    """A figure and its 95 % interval.

    Attributes:
        value: The figure.
        low: Lower end.
        high: Upper end.
    """

    value: float
    low: float
    high: float


def the_mean(means: Floats) -> Floats:
    """The figure that is the mean of its only column."""
    only: Floats = means[..., 0]
    return only


def f1_of_means(means: Floats) -> Floats:
    """F1 of mean precision and mean recall, in this order.

    Example:
        >>> float(f1_of_means(np.array([0.5, 1.0]))), float(f1_of_means(np.array([0.0, 0.0])))
        (0.6666666666666666, 0.0)
    """
    precision, recall = means[..., 0], means[..., 1]
    both = precision + recall
    found: Floats = np.divide(2 * precision * recall, both, out=np.zeros_like(both), where=both > 0)
    return found


def estimate(columns: Floats, patients: Sequence[str], figure: Figure, *, seed: int = 0) -> Estimate:
    """Return a figure with its percentile interval from 10,000 samples of patients, drawn with replacement.

    Args:
        columns: (cases, columns), finite.
        patients: Patient of each case.
        figure: What is made of the columns' means.
        seed: Seed of the samples.

    Example:
        >>> found = estimate(np.array([[0.6], [0.8], [0.7]]), ["a", "b", "c"], the_mean)
        >>> round(found.value, 6), round(found.low, 6), round(found.high, 6)
        (0.7, 0.6, 0.8)
    """
    sums, counts = _by_patient(columns, patients)
    random = np.random.default_rng(seed)
    drawn = random.multinomial(len(counts), np.full(len(counts), 1 / len(counts)), size=N_RESAMPLES)
    figures = figure((drawn @ sums) / (drawn @ counts)[:, None])
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(figures, (tail, 100 - tail))
    return Estimate(float(figure(columns.mean(axis=0))), float(low), float(high))


def swap_test(first: Floats, second: Floats, patients: Sequence[str], figure: Figure, *, seed: int = 0) -> float:
    """Return the two-sided p of a paired permutation test of the difference of two methods' figures.

    If there were no difference, the two methods' results could change places in any patient. Up to 13 patients all
    changes are looked at, with more of them 10,000 random ones.

    Args:
        first: (cases, columns) of one method, finite.
        second: The other's, for the same cases.
        patients: Patient of each case.
        figure: What is made of the columns' means.
        seed: Seed of the random changes.

    Example:
        Three patients, all better in the first: 2 of 8 changes give as large a difference.

        >>> swap_test(np.array([[0.8], [0.7], [0.9]]), np.array([[0.6], [0.6], [0.6]]), ["a", "b", "c"], the_mean)
        0.25
    """
    one, counts = _by_patient(first, patients)
    two, _ = _by_patient(second, patients)
    n_patients, n_cases = len(counts), len(first)

    def difference(is_swapped: NDArray[np.bool_]) -> Floats:
        moved = is_swapped.astype(np.float64) @ (two - one)
        return figure((one.sum(axis=0) + moved) / n_cases) - figure((two.sum(axis=0) - moved) / n_cases)

    found = abs(difference(np.zeros((1, n_patients), dtype=bool))[0])
    if 2**n_patients <= N_RESAMPLES:
        changes = (np.arange(2**n_patients)[:, None] >> np.arange(n_patients) & 1).astype(bool)
        return float(np.mean(np.abs(difference(changes)) >= found - 1e-12))
    changes = np.random.default_rng(seed).random((N_RESAMPLES, n_patients)) < 0.5
    return float((1 + np.count_nonzero(np.abs(difference(changes)) >= found - 1e-12)) / (1 + N_RESAMPLES))


def _by_patient(columns: Floats, patients: Sequence[str]) -> tuple[Floats, NDArray[np.int64]]:
    """Return the sums of each patient's cases, (patients, columns), and how many they are."""
    names, index = np.unique(np.asarray(patients), return_inverse=True)
    sums = np.zeros((len(names), columns.shape[1]))
    np.add.at(sums, index, columns)
    return sums, np.bincount(index)
