"""Lesion-wise detection: a lesion is a connected component of a mask."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from nnunet_cscn.metrics.components import components
from nnunet_cscn.metrics.masks import checked_pair
from nnunet_cscn.metrics.overlap import OverlapCounts

MATCHING_IOU = 0.5


def count_lesions(prediction: ArrayLike, reference: ArrayLike, *, ignored: ArrayLike | None = None) -> OverlapCounts:
    """Count the lesions that were detected, falsely detected and missed.

    A lesion is a connected component (26 neighbours). A predicted and a reference lesion match if their IoU is above
    0.5. Each lesion has at most one match (Kirillov et al. 2019, doi:10.1109/CVPR.2019.00963).

    Args:
        prediction: Binary mask, shape (Z, Y, X).
        reference: Binary mask of the same shape.
        ignored: Voxels to exclude, a binary mask of the same shape.

    Returns:
        The numbers of lesions (not voxels). ``f1`` is the lesion-wise F1. The prediction has true positives + false
        positives components; the reference has true positives + false negatives.

    Raises:
        ValueError: When the shapes differ, are not three-dimensional, or a mask is not binary.

    Example:
        One of two reference lesions is detected, with one voxel missing. There is no false detection.

        >>> reference = np.zeros((1, 3, 9), dtype=bool)
        >>> reference[0, 1, :3] = reference[0, 1, 6:] = True
        >>> prediction = reference & (np.arange(9) < 2)
        >>> count_lesions(prediction, reference)
        OverlapCounts(true_positive=1, false_positive=0, false_negative=1)
    """
    first, second = checked_pair(prediction, reference, ignored)
    predicted, true = components(first), components(second)
    matches = 0
    if predicted.n and true.n:
        shared = predicted.shared(true)
        union = predicted.sizes[:, None] + true.sizes[None] - shared
        matches = int(np.count_nonzero(shared > MATCHING_IOU * union))
    return OverlapCounts(matches, predicted.n - matches, true.n - matches)
