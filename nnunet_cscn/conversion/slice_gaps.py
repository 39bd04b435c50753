"""Slices inside a region's extent in which nothing is drawn, and how they are filled from their neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Mask = NDArray[np.bool_]
_SHOWN = 8


def empty_slices(mask: Mask) -> tuple[list[int], int]:
    """Return the slices between the first and the last one of a mask that are empty, and how many lie between.

    Args:
        mask: Shape (slices, rows, columns).

    Example:
        >>> empty_slices(np.array([0, 1, 0, 1, 1, 0], bool)[:, None, None])
        ([2], 2)
    """
    drawn = np.flatnonzero(mask.any(axis=(1, 2)))
    if drawn.size < 2:
        return [], 0
    between = np.arange(drawn[0] + 1, drawn[-1])
    return [int(index) for index in np.setdiff1d(between, drawn)], len(between)


def slice_list(numbers: Sequence[int]) -> str:
    """Say which slices are meant; the first slice of an image is 0.

    Example:
        >>> slice_list([3]), slice_list([3, 5, 7])
        ('slice 3', 'slices 3, 5, 7')
    """
    shown = ", ".join(map(str, numbers[:_SHOWN]))
    more = f" and {len(numbers) - _SHOWN} more" if len(numbers) > _SHOWN else ""
    return f"slice{'s' if len(numbers) > 1 else ''} {shown}{more}"


def filled_by_shape(mask: Mask, pixel_spacing_mm: tuple[float, float]) -> tuple[Mask, list[int]]:
    """Fill empty slices from the drawn ones on both sides, by the shape between the two.

    The signed distance to the outline (positive inside) is interpolated linearly between the two slices, and the
    region is where it is positive (Raya and Udupa, IEEE Trans Med Imaging 9, 1990, 32, doi:10.1109/42.52980). Where
    the two have no pixel in common, as two separate parts of a region, nothing is filled.

    Args:
        mask: Shape (slices, rows, columns), evenly spaced.
        pixel_spacing_mm: Step from row to row and from column to column.

    Returns:
        The filled mask, and the slices that were filled.
    """
    drawn = np.flatnonzero(mask.any(axis=(1, 2)))
    result, changed = mask.copy(), list[int]()
    for low, high in pairwise(drawn.tolist()):
        if high - low < 2 or not (mask[low] & mask[high]).any():
            continue
        shares = [(index - low) / (high - low) for index in range(low + 1, high)]
        result[low + 1 : high] = shapes_between(mask[low], mask[high], shares, pixel_spacing_mm)
        changed += range(low + 1, high)
    return result, changed


def shapes_between(
    below: Mask, above: Mask, shares: Sequence[float], pixel_spacing_mm: tuple[float, float]
) -> list[Mask]:
    """Return the shapes at some heights between two slices.

    Args:
        below: The lower slice, shape (rows, columns).
        above: The upper one; the two have pixels in common.
        shares: Heights, from 0 for the lower slice to 1 for the upper one.
        pixel_spacing_mm: Step from row to row and from column to column.
    """
    window = _window(below | above)
    low, high = (_signed_distance(each[window], pixel_spacing_mm) for each in (below, above))
    shapes = []
    for share in shares:
        shape = np.zeros_like(below)
        shape[window] = (1 - share) * low + share * high > 0
        shapes.append(shape)
    return shapes


def _window(drawn: Mask) -> tuple[slice, slice]:
    """The smallest window around what is drawn."""
    rows, columns = np.flatnonzero(drawn.any(axis=1)), np.flatnonzero(drawn.any(axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _signed_distance(mask: Mask, spacing_mm: tuple[float, float]) -> NDArray[np.float64]:
    """Distance of pixel centres to the nearest centre on the other side of the outline; positive inside."""
    padded = np.pad(mask, 1)
    inside = ndimage.distance_transform_edt(padded, sampling=spacing_mm)
    outside = ndimage.distance_transform_edt(~padded, sampling=spacing_mm)
    distance: NDArray[np.float64] = np.asarray(inside - outside)[1:-1, 1:-1]
    return distance
