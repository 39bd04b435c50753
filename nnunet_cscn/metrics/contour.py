"""Contours slice by slice: how much of the reference's would have to be drawn anew."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from nnunet_cscn.metrics.masks import Mask, checked_pair, checked_spacing, enclosed, grown, occupied_box


def contour_pixels(mask: Mask, *, ignored: Mask | None = None) -> Mask:
    """Return the pixels of each slice that have a background pixel at one of their four edges.

    The slice's border counts as background; what lies behind an ignored pixel is unknown and makes no contour.

    Args:
        mask: Shape (Z, Y, X), slices along the first axis; False wherever ``ignored`` is True.
        ignored: Pixels that take no part, the same shape.

    Returns:
        A mask of the same shape.

    Example:
        >>> int(contour_pixels(np.ones((2, 3, 3), dtype=bool)).sum())
        16
    """
    solid = mask if ignored is None else mask | ignored
    return mask & ~enclosed(mask, solid, (1, 2))


def added_path_length_mm(
    prediction: ArrayLike, reference: ArrayLike, spacing_mm: Sequence[float], *, ignored: ArrayLike | None = None
) -> float:
    """Return the added path length (Vaassen et al. 2020, doi:10.1016/j.phro.2019.12.001).

    The pixels of the reference's contour, slice by slice, that are not on the prediction's contour, times the size of a
    pixel: what a physician would have to draw. Slices run along the first axis, which is the file's last; where pixels
    are not square, their size is the geometric mean of the two edges.

    Args:
        prediction: Binary mask, shape (Z, Y, X).
        reference: Binary mask of the same shape.
        spacing_mm: Size of a voxel along (Z, Y, X).
        ignored: Voxels that take no part, a binary mask of the same shape.

    Returns:
        The length in mm: the whole contour where the prediction is empty, 0 where the reference is and the prediction
        only has to be deleted, nan where both are.

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
    box = occupied_box(second)
    if box is None:
        return 0.0 if first.any() else math.nan
    # far from the reference no contour of the prediction matters
    box = grown(box, second.shape)
    first, second = first[box], second[box]
    hidden = None if ignored is None else np.asarray(ignored)[box] != 0
    missing = contour_pixels(second, ignored=hidden) & ~contour_pixels(first, ignored=hidden)
    return int(np.count_nonzero(missing)) * math.sqrt(spacing[1] * spacing[2])
