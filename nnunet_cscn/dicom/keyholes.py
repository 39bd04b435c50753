"""Join the holes of a region with its outline, because a CLOSED_PLANAR contour of DICOM has no holes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nnunet_cscn.dicom.outlines import Floats


def join_holes(outlines: Sequence[Floats]) -> list[Floats]:
    """Join each hole with the outline around it by a channel without width (a keyhole).

    The channel runs from the leftmost edge of the hole to the left, and back the same way.

    Args:
        outlines: Outer outlines and outlines of holes of one slice, from ``trace_outlines``.

    Returns:
        Contours without holes. Corners as columns and rows, shape (N, 2).
    """
    contours = [outline for outline in outlines if _signed_area(outline) > 0]
    holes = [outline for outline in outlines if _signed_area(outline) < 0]
    # A channel may end on a hole further left, so that one comes first.
    for hole in sorted(holes, key=lambda outline: float(outline[:, 0].min())):
        column, row, start = _leftmost(hole)
        number, edge, meeting = min(
            (
                (index, edge, place)
                for index, contour in enumerate(contours)
                for edge, place in _crossings(contour, column, row)
            ),
            key=lambda found: column - found[2],
        )
        contour, on_contour, on_hole = contours[number], [[meeting, row]], [[column, row]]
        channel = (on_contour, on_hole, hole[start:], hole[:start], on_hole, on_contour)
        contours[number] = np.concatenate((contour[: edge + 1], *channel, contour[edge + 1 :]))
    return contours


def _leftmost(hole: Floats) -> tuple[float, float, int]:
    """Return column and row of a point on the leftmost vertical edge, and the number of the corner after it.

    The row is a row of pixel centres, where no outline has a corner.
    """
    following = np.roll(hole, -1, axis=0)
    is_vertical = hole[:, 0] == following[:, 0]
    edge = int(np.argmin(np.where(is_vertical, hole[:, 0], np.inf)))
    row = min(hole[edge, 1], following[edge, 1]) + 0.5
    return float(hole[edge, 0]), float(row), (edge + 1) % len(hole)


def _crossings(contour: Floats, column: float, row: float) -> list[tuple[int, float]]:
    """Return number and column of each vertical edge of a contour to the left of a point, in the row of the point."""
    following = np.roll(contour, -1, axis=0)
    low, high = np.minimum(contour[:, 1], following[:, 1]), np.maximum(contour[:, 1], following[:, 1])
    meets = (contour[:, 0] == following[:, 0]) & (contour[:, 0] < column) & (low < row) & (row < high)
    return [(int(edge), float(contour[edge, 0])) for edge in np.flatnonzero(meets)]


def _signed_area(points: Floats) -> float:
    x, y = points.T
    return 0.5 * float(x @ np.roll(y, -1) - y @ np.roll(x, -1))
