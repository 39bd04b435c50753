"""Outlines of the mask of one slice, along the edges of its pixels. So their area is the area of the pixels."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

Corner = tuple[int, int]
Floats = NDArray[np.float64]


def trace_outlines(mask: NDArray[np.bool_]) -> list[Floats]:
    """Trace the edges between foreground and background.

    Outer outlines run clockwise on the displayed slice (rows point down). Outlines of holes run counterclockwise.
    Pixels that touch only at a corner get separate outlines.

    Args:
        mask: One slice, shape (rows, columns).

    Returns:
        The corners of each outline as columns and rows, shape (N, 2). Whole numbers are centres of pixels. Points
        between two edges of the same direction are omitted.

    Example:
        >>> trace_outlines(np.array([[False, True]]))[0].tolist()
        [[0.5, -0.5], [1.5, -0.5], [1.5, 0.5], [0.5, 0.5]]
    """
    edges = _edges(mask)
    found = []
    while edges:
        start = next(iter(edges))
        corner, direction, corners = start, None, list[Corner]()
        while True:
            following = _next(edges, corner, direction)
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
    """List the edges that start at each corner, with the foreground on their right.

    Corner (c, r) is the upper left corner of pixel (c, r).
    """
    padded = np.pad(mask, 1)
    edges: dict[Corner, list[Corner]] = defaultdict(list)
    inside = padded[1:-1, 1:-1]
    sides = (
        (padded[:-2, 1:-1], (0, 0), (1, 0)),  # no foreground above: the upper edge, to the right
        (padded[1:-1, 2:], (1, 0), (1, 1)),  # none on the right: the right edge, down
        (padded[2:, 1:-1], (1, 1), (0, 1)),  # none below: the lower edge, to the left
        (padded[1:-1, :-2], (0, 1), (0, 0)),  # none on the left: the left edge, up
    )
    for neighbour, first, second in sides:
        for row, column in np.argwhere(inside & ~neighbour).tolist():
            edges[(column + first[0], row + first[1])].append((column + second[0], row + second[1]))
    return edges


def _next(edges: dict[Corner, list[Corner]], corner: Corner, direction: Corner | None) -> Corner:
    """Take an edge from a corner. If there are two, turn right: pixels that touch at a corner stay separate."""
    choices = edges[corner]
    chosen = choices[0]
    if direction is not None and len(choices) > 1:
        right = (corner[0] - direction[1], corner[1] + direction[0])
        chosen = right if right in choices else chosen
    choices.remove(chosen)
    if not choices:
        del edges[corner]
    return chosen


def _direction(first: Corner, second: Corner) -> Corner:
    return int(np.sign(second[0] - first[0])), int(np.sign(second[1] - first[1]))
