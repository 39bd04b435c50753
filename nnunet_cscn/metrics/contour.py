"""Contours in slices, and the added path length: how much of the reference contour a physician would have to draw."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from nnunet_cscn.metrics.masks import (
    Mask,
    bounding_box,
    checked_pair,
    checked_spacing,
    grow_box,
    interior_voxels,
    slabs,
)


def contour_pixels(mask: Mask, *, ignored: Mask | None = None) -> Mask:
    """Return the foreground pixels of each slice that share an edge with a background pixel.

    Everything outside the slice counts as background. An ignored pixel does not count as background.

    Args:
        mask: Shape (Z, Y, X), with slices along the first axis. Must be False where ``ignored`` is True.
        ignored: Pixels to exclude, of the same shape.

    Returns:
        A mask of the same shape.

    Example:
        >>> int(contour_pixels(np.ones((2, 3, 3), dtype=bool)).sum())
        16
    """
    solid = mask if ignored is None else mask | ignored
    return mask & ~interior_voxels(mask, solid, (1, 2))


def added_path_length_mm(
    prediction: ArrayLike, reference: ArrayLike, spacing_mm: Sequence[float], *, ignored: ArrayLike | None = None
) -> float:
    """Return the added path length (Vaassen et al. 2020, doi:10.1016/j.phro.2019.12.001).

    It is the number of pixels of the reference contour that are not on the contour of the prediction, summed over all
    slices, times the pixel size. A physician would have to draw this length. Slices are along the first axis of the
    array, which is the last axis of the file. If pixels are not square, the pixel size is the geometric mean of both
    edges.

    Args:
        prediction: Binary mask, shape (Z, Y, X).
        reference: Binary mask of the same shape.
        spacing_mm: Size of a voxel along (Z, Y, X).
        ignored: Voxels to exclude, a binary mask of the same shape.

    Returns:
        The length in mm. If only the prediction is empty, it is the length of the whole reference contour. If only the
        reference is empty, it is 0, because the prediction only has to be deleted. If both are empty, it is nan.

    Raises:
        ValueError: When the shapes differ, are not three-dimensional, a mask is not binary, or the spacing is not
            three finite positive numbers.

    Example:
        >>> reference = np.zeros((1, 5, 5), dtype=bool)
        >>> reference[0, 1:4, 1:4] = True
        >>> added_path_length_mm(np.zeros_like(reference), reference, (3.0, 0.5, 0.5))
        4.0
    """
    spacing = checked_spacing(spacing_mm)
    first, second = checked_pair(prediction, reference, ignored)
    box = bounding_box(second)
    if box is None:
        return 0.0 if first.any() else math.nan
    # contours of the prediction outside this box do not change the result
    box = grow_box(box, second.shape)
    first, second = first[box], second[box]
    hidden = None if ignored is None else np.asarray(ignored)[box] != 0
    n_missing = 0
    for part in slabs(second.shape):
        near = None if hidden is None else hidden[part]
        missing = contour_pixels(second[part], ignored=near) & ~contour_pixels(first[part], ignored=near)
        n_missing += int(np.count_nonzero(missing))
    return n_missing * math.sqrt(spacing[1] * spacing[2])
