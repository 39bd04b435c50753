"""Which series a structure set was drawn on: by its references, and where these are stale by where its contours lie."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nnunet_cscn.dicom.series import ImageSeries
from nnunet_cscn.dicom.stack import Floats
from nnunet_cscn.dicom.structures import StructureSet
from nnunet_cscn.errors import UserError

ON_SLICE = 0.1  # how far a contour's points may lie from a slice, as a share of the slices' spacing
INSIDE_PIXELS = 1.0  # how far outside the image


def series_of(
    structures: StructureSet, candidates: Sequence[ImageSeries], *, regions: Sequence[str] | None = None
) -> ImageSeries:
    """Return the series that a structure set was drawn on.

    Tried in turn: images that its contours name, the series that it names, its frame of reference, and the geometry
    alone; the last two among series of the same study. A series is only taken when its slices carry all contours, and
    a localiser never is.

    Args:
        structures: The structure set.
        candidates: The series of the same patient.
        regions: The regions whose contours count; None for all. A couch may well lie outside the image.

    Raises:
        UserError: When none fits or several do.
    """
    usable = [series for series in candidates if not series.is_localiser]
    if not usable:
        raise UserError("there are contours but no series of images")
    wanted = structures.contours if regions is None else regions
    points = [contour for name in wanted for contour in structures.contours[name]]
    if not points:
        raise UserError(f"{', '.join(wanted) or 'the structure set'}: there is no closed contour")
    related = [series for series in usable if not structures.study or series.study == structures.study]
    for chosen in (
        [series for series in usable if structures.instances & set(series.instances)],
        [series for series in usable if series.uid in structures.series],
        [series for series in related if series.frame_of_reference in structures.frames_of_reference],
        related,
    ):
        fitting = [series for series in chosen if fits(points, series)]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            raise UserError(f"the contours fit {len(fitting)} series, and nothing says which one they were drawn on")
    n_on_slices = max(sum(fits([contour], series) for contour in points) for series in usable)
    raise UserError(
        f"at most {n_on_slices} of {len(points)} contours lie on the slices of a series that is there: restore missing "
        "slices, or the series that they were drawn on"
    )


def fits(contours: Sequence[Floats], series: ImageSeries) -> bool:
    """Tell whether all contours lie on slices of a series and inside its images."""
    stack = series.stack
    points = np.concatenate(contours)
    heights = stack.heights_mm(points)
    positions = np.asarray(stack.positions_mm)
    behind = np.searchsorted(positions, heights)
    neighbours = [positions[np.clip(behind + step, 0, len(positions) - 1)] for step in (-1, 0)]
    nearest = np.minimum(*(np.abs(heights - neighbour) for neighbour in neighbours))
    if nearest.max() > ON_SLICE * stack.slice_spacing_mm:
        return False
    pixels = stack.pixel_coordinates(points)
    limits = np.array([stack.shape[2], stack.shape[1]]) - 0.5 + INSIDE_PIXELS
    return bool((pixels > -0.5 - INSIDE_PIXELS).all() and (pixels < limits).all())
