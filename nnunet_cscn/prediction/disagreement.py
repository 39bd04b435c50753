"""Disagreement of the coarse and the fine network: a map, and one number for each case."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def disagreement_map(
    coarse: NDArray[np.float32], fine: NDArray[np.float32], *, are_regions: bool
) -> NDArray[np.float32]:
    """Return |p_coarse - p_fine| for every voxel, from 0 (agreement) to 1.

    Args:
        coarse: Probabilities of the coarse network, (heads, *size).
        fine: Probabilities of the fine network, likewise.
        are_regions: Whether the heads are overlapping regions. Otherwise they are classes with the background first.

    Returns:
        An array of shape (*size). For classes: half the sum of the differences over the classes (total variation
        distance). With one foreground class, this is |p_coarse - p_fine| of the foreground. For regions: the largest
        difference.

    Example:
        >>> coarse, fine = np.float32([[0.9], [0.1]]), np.float32([[0.4], [0.6]])
        >>> disagreement_map(coarse, fine, are_regions=False)
        array([0.5], dtype=float32)
    """
    differences = np.abs(coarse - fine)
    found: NDArray[np.float32] = differences.max(axis=0) if are_regions else differences.sum(axis=0) / 2
    return np.clip(found, 0, 1)


def disagreement_score(coarse: NDArray[np.float32], fine: NDArray[np.float32], *, are_regions: bool) -> float:
    """Return one number for a case, from 0 (both stages agree) to 1 (no agreement).

    It is the mean of the map over the voxels that at least one stage classifies as foreground (probability above 0.5).
    So it does not depend on the size of the tumour or the amount of background. It is 0 if neither stage finds
    foreground.

    Args:
        coarse: As in ``disagreement_map``.
        fine: As in ``disagreement_map``.
        are_regions: As in ``disagreement_map``.
    """
    seen = np.zeros(coarse.shape[1:], dtype=bool)
    for probabilities in (coarse, fine):
        seen |= (probabilities > 0.5).any(axis=0) if are_regions else probabilities[0] < 0.5
    differences = disagreement_map(coarse, fine, are_regions=are_regions)
    return float(differences[seen].mean(dtype=np.float64)) if seen.any() else 0.0
