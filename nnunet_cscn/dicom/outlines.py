"""Outlines of a slice's mask along the edges of its pixels, so that their area is that of the pixels."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

Corner = tuple[int, int]
Floats = NDArray[np.float64]


def outlines(mask: NDArray[np.bool_]) -> list[Floats]:
    """Trace the edges between foreground and background.

    Outer outlines run clockwise as the slice is displayed (rows downwards), those of holes the other way round. Pixels
    that touch at a corner only are apart.

    Args:
        mask: One slice, shape (rows, columns).

    Returns:
        For each outline its corners as columns and rows, shape (N, 2), where whole numbers are centres of pixels.
        Points between two edges of the same direction are left out.

    Example:
        >>> outlines(np.array([[False, True]]))[0].tolist()
        [[0.5, -0.5], [1.5, -0.5], [1.5, 0.5], [0.5, 0.5]]
    """
    ways = _edges(mask)
    found = []
    while ways:
        start = next(iter(ways))
        corner, direction, corners = start, None, list[Corner]()
        while True:
            following = _next(ways, corner, direction)
            step = (following[0] - corner[0], following[1] - corner[1])
            if step != direction:
                corners.append(corner)
            corner, direction = following, step
            if corner == start:
                break
        if direction == _direction(corners[0], corners[1]):  # the start lies within an edge
            corners = corners[1:]
        found.append(np.asarray(corners, dtype=np.float64) - 0.5)
    return found


def _edges(mask: NDArray[np.bool_]) -> dict[Corner, list[Corner]]:
    """Where one can go from each corner, the foreground on the right; corner (c, r) is the upper left of a pixel."""
    padded = np.pad(mask, 1)
    ways: dict[Corner, list[Corner]] = defaultdict(list)
    inside = padded[1:-1, 1:-1]
    sides = (
        (padded[:-2, 1:-1], (0, 0), (1, 0)),  # nothing above: along the upper edge to the right
        (padded[1:-1, 2:], (1, 0), (1, 1)),  # nothing on the right: down
        (padded[2:, 1:-1], (1, 1), (0, 1)),  # nothing below: to the left
        (padded[1:-1, :-2], (0, 1), (0, 0)),  # nothing on the left: up
    )
    for neighbour, first, second in sides:
        for row, column in np.argwhere(inside & ~neighbour).tolist():
            ways[(column + first[0], row + first[1])].append((column + second[0], row + second[1]))
    return ways


def _next(ways: dict[Corner, list[Corner]], corner: Corner, direction: Corner | None) -> Corner:
    """Take a way from a corner, turning right where there are two, so that pixels touching at it stay apart."""
    choices = ways[corner]
    chosen = choices[0]
    if direction is not None and len(choices) > 1:
        right = (corner[0] - direction[1], corner[1] + direction[0])
        chosen = right if right in choices else chosen
    choices.remove(chosen)
    if not choices:
        del ways[corner]
    return chosen


def _direction(first: Corner, second: Corner) -> Corner:
    return int(np.sign(second[0] - first[0])), int(np.sign(second[1] - first[1]))
