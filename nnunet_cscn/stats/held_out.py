"""The gain of the best of several choices in cases that were not used to choose it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nnunet_cscn.stats.paired import bootstrap_interval

N_FOLDS = 5
FEW_CASES = 10  # up to this number, every case is a separate fold


@dataclass(frozen=True)
class HeldOutGain:
    """A choice, and its gain in held-out cases.

    Attributes:
        chosen: Index of the best choice over all cases.
        before: Mean over all cases of choice 0, the baseline.
        after: Mean over all cases of the best choice. It is optimistic: the same cases have chosen it.
        gain: Mean difference from choice 0 in each case under the choice that the other folds made; nan with one fold.
        low: Lower end of the 95 % bootstrap interval of the gain.
        high: Upper end.
        n: Cases.
    """

    chosen: int
    before: float
    after: float
    gain: float
    low: float
    high: float
    n: int


def held_out_gain(values: ArrayLike, folds: Sequence[int], *, seed: int = 0) -> HeldOutGain:
    """Choose the best row, and measure the gain of choosing by cross-validation.

    For every fold, the choice with the largest mean over the cases of the other folds is taken, and measured in the
    cases of that fold. So no case is used to choose what is measured on it. Among equal choices the first wins.

    Args:
        values: A value for each choice and case, (choices, cases); larger is better. Choice 0 is the baseline.
        folds: The fold of each case.
        seed: Seed of the bootstrap.

    Raises:
        ValueError: If the shapes do not fit, there is no case, or a value is not finite.

    Example:
        >>> found = held_out_gain([[0.5, 0.5, 0.5], [0.6, 0.7, 0.8]], folds=[0, 1, 2])
        >>> found.chosen, round(found.gain, 3)
        (1, 0.2)
    """
    table = np.asarray(values, dtype=np.float64)
    number = np.asarray(folds)
    if table.ndim != 2 or number.shape != (table.shape[1],) or not table.size:
        raise ValueError(f"values: expected (choices, cases) for {number.size} cases, got shape {table.shape}")
    if not np.isfinite(table).all():
        raise ValueError("values: expected finite numbers")
    chosen = _best(table)
    before, after = float(table[0].mean()), float(table[chosen].mean())
    if len(set(number.tolist())) < 2:
        return HeldOutGain(chosen, before, after, math.nan, math.nan, math.nan, number.size)
    gains = np.zeros(number.size)
    for fold in set(number.tolist()):
        held_out = number == fold
        gains[held_out] = table[_best(table[:, ~held_out]), held_out] - table[0, held_out]
    low, high = bootstrap_interval(gains, seed=seed)
    return HeldOutGain(chosen, before, after, float(gains.mean()), low, high, number.size)


def random_folds(n_cases: int, *, seed: int = 0) -> list[int]:
    """Return a fold for each case: one for every case up to ten of them, else one of five at random.

    Example:
        >>> random_folds(3), sorted(set(random_folds(11)))
        ([0, 1, 2], [0, 1, 2, 3, 4])
    """
    if n_cases <= FEW_CASES:
        return list(range(n_cases))
    order = np.random.default_rng(seed).permutation(n_cases)
    return [int(place) % N_FOLDS for place in order]


def _best(table: NDArray[np.float64]) -> int:
    means = table.mean(axis=1)
    return int(np.flatnonzero(means >= means.max() - 1e-12)[0])
