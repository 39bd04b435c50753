"""Whether contours lie on the slices of a series and inside its images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nnunet_cscn.dicom.rasterise import OFF_PLANE
from nnunet_cscn.dicom.series import ImageSeries
from nnunet_cscn.dicom.stack import Floats

ON_SLICE = 0.1  # how far a contour's points may lie from a slice, as a share of the slices' spacing
INSIDE_PIXELS = 1.0  # how far outside the image


def count_on_slices(contours: Sequence[Floats], series: ImageSeries) -> int:
    """Count the contours that lie on slices of a series and inside its images."""
    return sum(fits([contour], series) for contour in contours)


def fits(contours: Sequence[Floats], series: ImageSeries) -> bool:
    """Tell whether all contours lie on slices of a series and inside its images."""
    stack = series.stack
    points = np.concatenate(contours)
    if off_slices_mm(points, series) > ON_SLICE * stack.slice_spacing_mm:
        return False
    pixels = stack.pixel_coordinates(points)
    limits = np.array([stack.shape[2], stack.shape[1]]) - 0.5 + INSIDE_PIXELS
    return bool((pixels > -0.5 - INSIDE_PIXELS).all() and (pixels < limits).all())


def roughly_fits(contours: Sequence[Floats], series: ImageSeries, *, cut: bool = False) -> bool:
    """Tell whether all contours lie parallel to the slices, less than half a slice off, and some inside the images.

    Between the first and the last slice they may lie at any height: those on further planes are told by filling them.

    Args:
        contours: The contours.
        series: The series.
        cut: Whether some may also lie before the first or behind the last slice.
    """
    stack = series.stack
    if stack.gaps() or not are_parallel(contours, series) or are_beside(contours, series):
        return False
    limit = OFF_PLANE * stack.slice_spacing_mm
    middles = np.array([float(np.median(stack.heights_mm(contour))) for contour in contours])
    is_within = (middles > stack.positions_mm[0] - limit) & (middles < stack.positions_mm[-1] + limit)
    is_all_half_way = all(off_slices_mm(contour, series) >= limit * (1 - 1e-6) for contour in contours)
    return not is_all_half_way and bool(is_within.any() if cut else is_within.all())


def off_slices_mm(points: Floats, series: ImageSeries) -> float:
    """Return the largest distance of points from the slices that are nearest to them, in mm."""
    heights, positions = series.stack.heights_mm(points), np.asarray(series.stack.positions_mm)
    behind = np.searchsorted(positions, heights)
    neighbours = [positions[np.clip(behind + step, 0, len(positions) - 1)] for step in (-1, 0)]
    return float(np.minimum(*(np.abs(heights - neighbour) for neighbour in neighbours)).max())


def are_parallel(contours: Sequence[Floats], series: ImageSeries) -> bool:
    """Tell whether contours lie parallel to the slices of a series."""
    limit = ON_SLICE * series.stack.slice_spacing_mm
    return all(np.ptp(series.stack.heights_mm(contour)) <= 2 * limit for contour in contours)


def are_beside(contours: Sequence[Floats], series: ImageSeries) -> bool:
    """Tell whether no contour's box meets the images of a series."""
    limits = np.array([series.stack.shape[2], series.stack.shape[1]]) - 0.5
    for contour in contours:
        pixels = series.stack.pixel_coordinates(contour)
        if (pixels.max(axis=0) > -0.5).all() and (pixels.min(axis=0) < limits).all():
            return False
    return True
