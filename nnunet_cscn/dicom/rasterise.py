"""Fill the contours of a structure: even-odd at the centres of voxels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nnunet_cscn.dicom.stack import Floats, Stack
from nnunet_cscn.errors import UserError

OFF_PLANE = 0.5  # how far a contour may lie from a slice, as a share of the slices' spacing

Mask = NDArray[np.bool_]


def rasterise(contours: Iterable[ArrayLike], stack: Stack) -> Mask:
    """Return the voxels whose centres lie inside an odd number of contours.

    So a contour inside another one is a hole, as is the inner part of a keyhole. Each contour belongs to the slice that
    is nearest to it.

    Args:
        contours: Points of each contour in the patient's coordinates, shape (N, 3).
        stack: The image's slices.

    Returns:
        A mask of the stack's shape.

    Raises:
        UserError: When a contour lies across the slices, or beyond the first or the last one.
    """
    mask = np.zeros(stack.shape, dtype=bool)
    for contour in contours:
        points = np.asarray(contour, dtype=np.float64).reshape(-1, 3)
        if len(points) >= 3:
            mask[slice_of(points, stack)] ^= fill_polygon(stack.pixel_coordinates(points), stack.shape[1:])
    return mask


def slice_of(points_mm: Floats, stack: Stack) -> int:
    """Return the slice that a contour lies in.

    Raises:
        UserError: When it lies across the slices, or beyond the first or the last one.
    """
    heights, limit = stack.heights_mm(points_mm), OFF_PLANE * stack.slice_spacing_mm
    middle = float(np.median(heights))
    if np.abs(heights - middle).max() > limit:
        raise UserError(
            "the contours are not parallel to the slices of the image; use the series on which they were drawn"
        )
    index = int(np.argmin(np.abs(np.asarray(stack.positions_mm) - middle)))
    if abs(stack.positions_mm[index] - middle) > limit * (1 + 1e-6):
        raise UserError(
            f"a contour lies {abs(stack.positions_mm[index] - middle):.1f} mm from the nearest slice: add the "
            "missing slices, or use the series on which it was drawn"
        )
    return index


def fill_polygon(points: Floats, shape: Sequence[int]) -> Mask:
    """Return the pixels whose centres are inside a closed polygon by the even-odd rule.

    Line by line, the crossings of a row's line of centres with the polygon's edges are sorted and every second
    stretch between them is filled. An edge holds its lower end and not its upper one, and a stretch its left end
    and not its right one, so that polygons that share an edge share no pixel.

    Args:
        points: Columns and rows of the corners, shape (N, 2); the last one is joined to the first.
        shape: Rows and columns.

    Example:
        A square from 0.5 to 2.5 holds two by two centres.

        >>> fill_polygon(np.array([[0.5, 0.5], [2.5, 0.5], [2.5, 2.5], [0.5, 2.5]]), (4, 4)).astype(int)
        array([[0, 0, 0, 0],
               [0, 1, 1, 0],
               [0, 1, 1, 0],
               [0, 0, 0, 0]])
    """
    n_rows, n_columns = shape
    x, y = np.asarray(points, dtype=np.float64).T
    next_x, next_y = np.roll(x, -1), np.roll(y, -1)
    low, high = np.minimum(y, next_y), np.maximum(y, next_y)
    first = np.clip(np.ceil(low), 0, n_rows).astype(np.intp)
    stop = np.clip(np.ceil(high), 0, n_rows).astype(np.intp)
    counts = np.maximum(stop - first, 0)
    edge = np.repeat(np.arange(len(x)), counts)
    row = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + first[edge]
    slope = (next_x - x)[edge] / (next_y - y)[edge]
    crossing = x[edge] + (row - y[edge]) * slope
    column = np.clip(np.ceil(crossing), 0, n_columns).astype(np.intp)
    flips = np.zeros((n_rows, n_columns + 1), dtype=np.intp)
    np.add.at(flips, (row, column), 1)
    inside: Mask = np.cumsum(flips[:, :-1], axis=1) % 2 == 1
    return inside
