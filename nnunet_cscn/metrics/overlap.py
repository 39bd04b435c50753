"""Overlap of two masks: DSC, IoU, precision, recall and F1 from voxel counts."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from nnunet_cscn.metrics.masks import checked_pair


@dataclass(frozen=True)
class OverlapCounts:
    """Voxel counts of one comparison, or the sum of several.

    Precision and recall are Eqs. 11 and 12 of the paper (doi:10.32604/iasc.2022.019785), DSC is Eq. 8. F1 (Eq. 10) is
    the same number as DSC for one comparison.

    Attributes:
        true_positive: Voxels in both masks.
        false_positive: Voxels in the prediction only.
        false_negative: Voxels in the reference only.

    Example:
        >>> counts = OverlapCounts(true_positive=6, false_positive=2, false_negative=4)
        >>> counts.dsc, counts.precision, counts.recall
        (0.6666666666666666, 0.75, 0.6)
    """

    true_positive: int = 0
    false_positive: int = 0
    false_negative: int = 0

    def __add__(self, other: OverlapCounts) -> OverlapCounts:
        return OverlapCounts(
            self.true_positive + other.true_positive,
            self.false_positive + other.false_positive,
            self.false_negative + other.false_negative,
        )

    @property
    def prediction_is_empty(self) -> bool:
        """Whether the prediction has no voxel."""
        return self.true_positive + self.false_positive == 0

    @property
    def reference_is_empty(self) -> bool:
        """Whether the reference has no voxel."""
        return self.true_positive + self.false_negative == 0

    @property
    def dsc(self) -> float:
        """DSC in [0, 1]. 0 if one mask is empty, nan if both are empty."""
        return _ratio(2 * self.true_positive, 2 * self.true_positive + self.false_positive + self.false_negative)

    @property
    def f1(self) -> float:
        """F1 in [0, 1], the same number as DSC. 0 if one mask is empty, nan if both are empty."""
        return self.dsc

    @property
    def iou(self) -> float:
        """Intersection over union (Jaccard) in [0, 1]. 0 if one mask is empty, nan if both are empty."""
        return _ratio(self.true_positive, self.true_positive + self.false_positive + self.false_negative)

    @property
    def precision(self) -> float:
        """Fraction of the predicted voxels that are correct. nan for an empty prediction."""
        return _ratio(self.true_positive, self.true_positive + self.false_positive)

    @property
    def recall(self) -> float:
        """Fraction of the reference voxels that are predicted. nan for an empty reference."""
        return _ratio(self.true_positive, self.true_positive + self.false_negative)


def count_overlap(prediction: ArrayLike, reference: ArrayLike, *, ignored: ArrayLike | None = None) -> OverlapCounts:
    """Count true positive, false positive and false negative voxels.

    Args:
        prediction: Binary mask, shape (Z, Y, X).
        reference: Binary mask of the same shape.
        ignored: Voxels to exclude, a binary mask of the same shape.

    Raises:
        ValueError: When the shapes differ, are not three-dimensional, or a mask is not binary.

    Example:
        >>> count_overlap([[[1, 1, 0]]], [[[1, 0, 0]]])
        OverlapCounts(true_positive=1, false_positive=1, false_negative=0)
    """
    first, second = checked_pair(prediction, reference, ignored)
    both = int(np.count_nonzero(first & second))
    return OverlapCounts(both, int(np.count_nonzero(first)) - both, int(np.count_nonzero(second)) - both)


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else math.nan
