"""Which series a structure set was drawn on: by its references, and where these are stale by where its contours lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nnunet_cscn.dicom.drawing import Drawing
from nnunet_cscn.dicom.series import ImageSeries
from nnunet_cscn.dicom.stack import Floats
from nnunet_cscn.errors import UserError

ON_SLICE = 0.1  # how far a contour's points may lie from a slice, as a share of the slices' spacing
INSIDE_PIXELS = 1.0  # how far outside the image


@dataclass(frozen=True)
class Match:
    """The series that regions were drawn on, and what told it, for people."""

    series: ImageSeries
    told_by: str


def series_of(
    drawing: Drawing,
    candidates: Sequence[ImageSeries],
    *,
    regions: Sequence[str] | None = None,
    must_fit: bool = True,
) -> Match:
    """Return the series that regions were drawn on.

    Tried in turn: images that the file names, the series that it names, its frame of reference, and the geometry alone;
    the last two among series of the same study. A series is only taken when its slices carry all contours, and a
    localiser never is.

    Args:
        drawing: The regions.
        candidates: The series of the same patient.
        regions: Those that count; None for all. A couch may well lie outside the image.
        must_fit: Whether the slices have to carry the regions; a SEG on another grid may be resampled instead.

    Raises:
        UserError: When none fits or several do.
    """
    usable = [series for series in candidates if not series.is_localiser]
    if not usable:
        raise UserError("there are contours but no series of images")
    wanted = drawing.names if regions is None else regions
    points = [contour for name in wanted for contour in drawing.points(name)]
    if not points:
        raise UserError(f"{', '.join(wanted) or 'all regions'}: nothing is drawn in it")
    told = drawing.references
    related = [series for series in usable if not told.study or series.study == told.study]
    for told_by, chosen in (
        ("named images", [series for series in usable if told.instances & set(series.instances)]),
        ("named series", [series for series in usable if series.uid in told.series]),
        ("frame of reference", [series for series in related if series.frame_of_reference in told.frames_of_reference]),
        ("geometry", related),
    ):
        fitting = [series for series in chosen if not must_fit or fits(points, series)]
        if len(fitting) == 1:
            return Match(fitting[0], told_by)
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
