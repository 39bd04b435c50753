"""All choices of steps for one label, and the DSC that each of them gives in a case."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnunet_cscn.metrics.components import components
from nnunet_cscn.metrics.masks import Mask
from nnunet_cscn.postprocessing.steps import LabelSteps, Levels, apply_threshold, fill_holes

MIN_ML = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
THRESHOLDS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)


def all_candidates(*, with_thresholds: bool) -> list[LabelSteps]:
    """Return all choices, those with fewer steps first; the first one changes nothing.

    Example:
        >>> found = all_candidates(with_thresholds=False)
        >>> len(found), found[0].describe(), found[1].describe()
        (16, 'nothing', 'keep the largest component')
    """
    thresholds: tuple[float | None, ...] = (None, *THRESHOLDS) if with_thresholds else (None,)
    sizes = [(0.0, False), (0.0, True), *((size, False) for size in MIN_ML)]
    found = [
        LabelSteps(threshold, fill, min_ml, largest)
        for threshold, fill, (min_ml, largest) in itertools.product(thresholds, (False, True), sizes)
    ]
    return sorted(found, key=_n_steps)


def candidate_dsc(
    wanted: Sequence[LabelSteps],
    predicted: Mask,
    reference: Mask,
    *,
    free: Mask,
    voxel_ml: float,
    ignored: Mask | None = None,
    levels: Levels | None = None,
    other_levels: Sequence[Levels] = (),
) -> NDArray[np.float64]:
    """Return the DSC of one label under each choice of steps.

    Components are computed once for each threshold and filling. The DSC of each choice follows from their voxel counts.

    Args:
        wanted: The choices.
        predicted: The label's voxels in the prediction, (Z, Y, X).
        reference: Its voxels in the reference.
        free: Voxels that no other label holds: only these can be filled.
        voxel_ml: Volume of a voxel.
        ignored: Voxels that do not count; components are those of the prediction as it is.
        levels: The label's probabilities in steps of 1/255; None without thresholds.
        other_levels: Those of the other labels.

    Returns:
        A DSC for each choice. Two empty masks count as 1: removing a false alarm is a gain.
    """
    found: dict[tuple[float | None, bool], _Parts] = {}
    scores = np.zeros(len(wanted))
    for index, steps in enumerate(wanted):
        key = steps.threshold, steps.fill_holes
        if key not in found:
            mask = predicted
            if steps.threshold is not None:
                assert levels is not None
                mask = apply_threshold(levels, steps.threshold, other_levels)
            if steps.fill_holes:
                mask = mask | (fill_holes(mask) & free)
            found[key] = _Parts(mask, reference, ignored)
        scores[index] = found[key].dsc(steps, voxel_ml)
    return scores


class _Parts:
    """The components of a mask, and the number of reference voxels in each."""

    def __init__(self, mask: Mask, reference: Mask, ignored: Mask | None) -> None:
        parts = components(mask)
        self._sizes = parts.sizes
        wanted = reference if ignored is None else reference & ~ignored
        self._counted = parts.sizes if ignored is None else parts.sums(~ignored[mask])
        self._hits = parts.sums(wanted[mask])
        self._n_reference = float(wanted.sum())

    def dsc(self, steps: LabelSteps, voxel_ml: float) -> float:
        stays: NDArray[Any] = self._sizes * voxel_ml >= steps.min_ml - 1e-9
        if steps.keep_largest and self._sizes.size:
            stays = stays & (np.arange(self._sizes.size) == self._sizes.argmax())
        size = self._counted[stays].sum() + self._n_reference
        return float(2 * self._hits[stays].sum() / size) if size else 1.0


def _n_steps(steps: LabelSteps) -> int:
    return (steps.threshold is not None) + steps.fill_holes + bool(steps.min_ml) + steps.keep_largest
