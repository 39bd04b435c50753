"""Lesions: the connected parts of a mask, and which of them were found."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import ndimage

from nnunet_cscn.evaluation.masks import checked_pair
from nnunet_cscn.evaluation.overlap import OverlapCounts

_TOUCHING = np.ones((3, 3, 3), dtype=bool)  # faces, edges and corners: 26 neighbours
MATCHING_IOU = 0.5


def count_lesions(prediction: ArrayLike, reference: ArrayLike, *, ignored: ArrayLike | None = None) -> OverlapCounts:
    """Count the lesions that were found, invented and missed.

    A lesion is a part of a mask whose voxels touch by faces, edges or corners. A predicted and a true lesion match when
    their IoU is above 0.5; then no other lesion can match either of them (Kirillov et al. 2019,
    doi:10.1109/CVPR.2019.00963).

    Args:
        prediction: Binary mask, shape (Z, Y, X).
        reference: Binary mask of the same shape.
        ignored: Voxels that take no part, a binary mask of the same shape.

    Returns:
        The counts, of lesions instead of voxels: their ``f1`` is the lesion-wise F1, and true positives with false
        positives (false negatives) are the components of the prediction (the reference).

    Raises:
        ValueError: When the shapes differ, are not three-dimensional, or a mask is not binary.

    Example:
        Of two true lesions one is found, but for a voxel; nothing is invented.

        >>> reference = np.zeros((1, 3, 9), dtype=bool)
        >>> reference[0, 1, :3] = reference[0, 1, 6:] = True
        >>> prediction = reference & (np.arange(9) < 2)
        >>> count_lesions(prediction, reference)
        OverlapCounts(true_positive=1, false_positive=0, false_negative=1)
    """
    first, second = checked_pair(prediction, reference, ignored)
    predicted, n_predicted = ndimage.label(first, structure=_TOUCHING)
    true, n_true = ndimage.label(second, structure=_TOUCHING)
    matches = 0
    if n_predicted and n_true:
        both = first & second
        shared = np.bincount(
            predicted[both].astype(np.int64) * (n_true + 1) + true[both], minlength=(n_predicted + 1) * (n_true + 1)
        ).reshape(n_predicted + 1, n_true + 1)
        sizes = np.bincount(predicted[first], minlength=n_predicted + 1)[:, None]
        true_sizes = np.bincount(true[second], minlength=n_true + 1)[None]
        matches = int(np.count_nonzero(shared > MATCHING_IOU * (sizes + true_sizes - shared)))
    return OverlapCounts(matches, n_predicted - matches, n_true - matches)
