"""Closed polygons on the pixels of one slice: which centres they hold, and how much of them lies outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nnunet_cscn.dicom.stack import Floats

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Patch:
    """A filled polygon: the pixels of a window of the slice, whose upper left pixel is (row, column)."""

    row: int
    column: int
    pixels: Mask

    @property
    def count(self) -> int:
        """Number of pixels inside the polygon."""
        return int(np.count_nonzero(self.pixels))

    def window(self, of: Mask) -> Mask:
        """Return this window of a slice, as a view."""
        rows, columns = self.pixels.shape
        return of[self.row : self.row + rows, self.column : self.column + columns]

    def shared_with(self, other: Patch) -> int:
        """Return the number of pixels that are inside both polygons."""
        top, left = max(self.row, other.row), max(self.column, other.column)
        bottom = min(self.row + self.pixels.shape[0], other.row + other.pixels.shape[0])
        right = min(self.column + self.pixels.shape[1], other.column + other.pixels.shape[1])
        if top >= bottom or left >= right:
            return 0
        mine, others = (
            each.pixels[top - each.row : bottom - each.row, left - each.column : right - each.column]
            for each in (self, other)
        )
        return int(np.count_nonzero(mine & others))


def filled(points: Floats, shape: Sequence[int]) -> Patch:
    """Return the pixels whose centres are inside a closed polygon by the even-odd rule.

    In each row of pixels, the crossings of the row's centre line with the polygon's edges are sorted, and every second
    section between them is inside. An edge includes its lower end and excludes its upper end; a section includes its
    left end and excludes its right end. So polygons that share an edge share no pixel.

    Args:
        points: Columns and rows of the corners, shape (N, 2); the last one is joined to the first.
        shape: Rows and columns of the slice.
    """
    x, y = np.asarray(points, dtype=np.float64).T
    n_rows, n_columns = shape
    top, bottom = np.clip(np.ceil([y.min(), y.max()]), 0, n_rows).astype(np.intp)
    left, right = np.clip(np.ceil([x.min(), x.max()]), 0, n_columns).astype(np.intp)
    height, width = int(bottom - top), int(right - left)
    next_x, next_y = np.roll(x, -1), np.roll(y, -1)
    first = np.clip(np.ceil(np.minimum(y, next_y)), 0, n_rows).astype(np.intp)
    stop = np.clip(np.ceil(np.maximum(y, next_y)), 0, n_rows).astype(np.intp)
    counts = np.maximum(stop - first, 0)
    edge = np.repeat(np.arange(len(x)), counts)
    row = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + first[edge]
    slope = (next_x - x)[edge] / (next_y - y)[edge]
    crossing = x[edge] + (row - y[edge]) * slope
    column = np.clip(np.ceil(crossing), left, right).astype(np.intp)
    places = (row - top) * (width + 1) + column - left
    flips = np.bincount(places, minlength=height * (width + 1)).reshape(height, width + 1)
    inside: Mask = np.cumsum(flips[:, :-1], axis=1) % 2 == 1
    return Patch(int(top), int(left), inside)


def fill_polygon(points: Floats, shape: Sequence[int]) -> Mask:
    """Return the slice's pixels whose centres are inside a closed polygon, as ``filled`` does.

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
    mask = np.zeros(tuple(shape), dtype=bool)
    patch = filled(points, shape)
    patch.window(mask)[:] = patch.pixels
    return mask


def area(points: Floats) -> float:
    """Return the area of a closed polygon in the plane, in the units of its points squared; 0 for points and lines.

    Example:
        >>> area(np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 3.0]]))
        3.0
    """
    if len(points) < 3:
        return 0.0
    x, y = (points - points[0]).T
    return 0.5 * abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1)))


def area_inside(points: Floats, shape: Sequence[int]) -> float:
    """Return the area of the part of a polygon that lies on the pixels of a slice.

    The polygon is cut along the four edges of the slice, one after the other (Sutherland and Hodgman, Communications
    of the ACM 17, 1974, 32, doi:10.1145/360767.360802).

    Args:
        points: Columns and rows of the corners, shape (N, 2).
        shape: Rows and columns.

    Example:
        >>> area_inside(np.array([[-2.5, 0.5], [1.5, 0.5], [1.5, 2.5], [-2.5, 2.5]]), (4, 4))
        4.0
    """
    kept = np.asarray(points, dtype=np.float64)
    for axis, limit in ((0, shape[1] - 0.5), (1, shape[0] - 0.5)):
        for sign, bound in ((1.0, limit), (-1.0, 0.5)):
            kept = _cut(kept, axis, sign, bound)
            if len(kept) < 3:
                return 0.0
    return area(kept)


def _cut(points: Floats, axis: int, sign: float, bound: float) -> Floats:
    """The part of a polygon where ``sign`` times a coordinate is at most ``bound``."""
    values = sign * points[:, axis]
    inside = values <= bound
    if inside.all():
        return points
    following, next_values = np.roll(points, -1, axis=0), np.roll(values, -1)
    crosses = inside != np.roll(inside, -1)
    share = (bound - values) / np.where(crosses, next_values - values, 1.0)
    crossings = points + share[:, None] * (following - points)
    both = np.stack([points, crossings], axis=1).reshape(-1, 2)
    kept: Floats = both[np.stack([inside, crosses], axis=1).ravel()]
    return kept
