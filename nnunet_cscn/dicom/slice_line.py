"""Fit a straight, evenly spaced line to the rounded positions of slices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nnunet_cscn.errors import UserError

Floats = NDArray[np.float64]

STRAIGHT_MM = 0.05  # positions are used as they are up to this shift of slices against each other, and
EVEN_MM = 0.01  # up to this deviation from even steps
ROUNDING_MM = 0.1  # what rounding to one decimal does to a position: 0.05 mm along each axis
_SINGLE_STEP = 1.6  # largest step, as a share of the usual one, between slices of which none is missing
_LARGEST_TILT_DEGREES = 0.1  # cosines of three decimals are off by up to 0.06 degrees, the smallest gantry tilt by 0.5


def allowed_deviation_mm(spacing_mm: float) -> float:
    """Return how far slices may lie from their evenly spaced line: what rounding does, or 2 % of thick slices.

    Example:
        >>> allowed_deviation_mm(3.0), allowed_deviation_mm(10.0), allowed_deviation_mm(0.25)
        (0.1, 0.2, 0.0625)
    """
    return min(max(ROUNDING_MM, 0.02 * spacing_mm), 0.25 * spacing_mm)


def slice_numbers(heights_mm: Floats, spacing_mm: float) -> NDArray[np.intp]:
    """Number the slices from 0, with a gap in the numbers where slices are missing.

    Args:
        heights_mm: Ascending heights of the slices.
        spacing_mm: The usual step; that of rounded heights may be off by half of it.

    Example:
        >>> slice_numbers(np.array([0.0, 3.0, 9.0]), 3.0).tolist()
        [0, 1, 3]
    """
    steps = np.diff(heights_mm)
    single = steps[steps <= _SINGLE_STEP * spacing_mm]
    unit = float(single.mean()) if single.size else spacing_mm
    counts = np.maximum(np.round(steps / unit), 1).astype(np.intp)
    return np.concatenate((np.zeros(1, np.intp), np.cumsum(counts)))


def even_heights(heights_mm: Floats, numbers: NDArray[np.intp]) -> tuple[Floats, float]:
    """Fit evenly spaced heights to those of numbered slices by least squares.

    Returns:
        The fitted heights, and the largest deviation from them in mm.
    """
    if len(heights_mm) < 2:
        return heights_mm, 0.0
    slope, start = np.polyfit(numbers, heights_mm, 1)
    fitted: Floats = start + slope * numbers
    return fitted, float(np.abs(heights_mm - fitted).max())


@dataclass(frozen=True)
class Line:
    """The corrected position and orientation of a stack.

    Attributes:
        origin_mm: The first pixel of the first slice.
        along: Unit vector along a row.
        down: Unit vector down a column.
        note: What was changed; empty for nothing.
    """

    origin_mm: Floats
    along: Floats
    down: Floats
    note: str


def straightened(positions_mm: Floats, along: Floats, down: Floats) -> Line:
    """Return where slices lie that stand above each other but for what rounding did to positions or directions.

    Args:
        positions_mm: Positions of the slices in their order, shape (N, 3).
        along: Unit vector along a row.
        down: Unit vector down a column.

    Raises:
        UserError: When the slices are shifted against each other by more, as those of a tilted gantry.
    """
    origin = positions_mm[0]
    relative = positions_mm - origin
    shifts = relative @ np.stack([along, down], axis=1)
    if (largest := float(np.linalg.norm(shifts, axis=1).max())) <= STRAIGHT_MM:
        return Line(origin, along, down, "")
    normal = np.cross(along, down)
    heights = relative @ normal
    slope, start = np.polyfit(heights, shifts, 1) if len(heights) > 2 else (shifts[-1] / heights[-1], shifts[0])
    beside = float(np.linalg.norm(shifts - start - np.outer(heights, slope), axis=1).max())
    if beside > ROUNDING_MM:
        raise UserError(
            f"the slices do not lie on a straight line: they are up to {beside:.2f} mm beside it (accepted: "
            f"{ROUNDING_MM:g} mm); resample the series to a regular grid first"
        )
    tilt = float(np.degrees(np.arctan(np.linalg.norm(slope))))
    if largest > ROUNDING_MM and tilt > _LARGEST_TILT_DEGREES:
        raise UserError(
            f"slices are shifted against each other by up to {largest:.2f} mm ({tilt:.2g} degrees), as with a tilted "
            "gantry: resample the series to a regular grid first"
        )
    if largest <= ROUNDING_MM:  # the directions are more exact than a short line of rounded positions
        middle = shifts.mean(axis=0)
        shifted = origin + middle[0] * along + middle[1] * down
        return Line(shifted, along, down, f"slices are up to {largest:.2f} mm beside each other: rounded positions")
    normal = normal + slope[0] * along + slope[1] * down
    normal /= np.linalg.norm(normal)
    along = along - (along @ normal) * normal
    along /= np.linalg.norm(along)
    moved = origin + start[0] * along + start[1] * down
    note = f"the orientation was turned by {tilt:.3f} degrees to fit the positions of the slices: rounded directions"
    return Line(moved, along, np.cross(normal, along), note)
