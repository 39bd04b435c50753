"""Which series a structure set was drawn on: by its references, and where these are stale by where its contours lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nnunet_cscn.dicom.drawing import Drawing, References
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
    unusable: Mapping[str, str] | None = None,
    must_fit: bool = True,
) -> Match:
    """Return the series that regions were drawn on.

    Tried in turn: images that the contours name, images that the file lists, the series that it names, its frame of
    reference, and the geometry alone; the last two among series of the same study. A localiser is never taken, and
    neither is another series in place of one that is named and there but damaged.

    Args:
        drawing: The regions.
        candidates: The series of the same patient.
        regions: Those that count; None for all. A couch may well lie outside the image.
        unusable: Reasons why other series of the patient can't be used, by SeriesInstanceUID and SOPInstanceUID.
        must_fit: Whether the slices have to carry the regions; a SEG on another grid may be resampled instead, but then
            only onto a series that it names or whose frame of reference it shares.

    Raises:
        UserError: When none fits or several do.
    """
    usable = [series for series in candidates if not series.is_localiser]
    references = drawing.references
    if not usable:
        _refuse_unusable(references, unusable or {})
        raise UserError("found contours but no image series; add the images on which they were drawn")
    contours = _contours(drawing, drawing.names if regions is None else regions)
    for told_by, chosen in _named(references, usable).items():
        if series := _only_one(contours, chosen, must_fit=must_fit):
            return Match(series, told_by)
        for each in chosen:
            _refuse_incomplete(contours, each)
    _refuse_unusable(references, unusable or {})
    for told_by, chosen in _related(references, usable, must_fit=must_fit).items():
        if series := _only_one(contours, chosen, must_fit=must_fit):
            return Match(series, told_by)
    n_on_slices = max(_count_on_slices(contours, series) for series in usable)
    raise UserError(
        f"at most {n_on_slices} of {len(contours)} contours lie on the slices of an available series: add the missing "
        "slices or the series on which the contours were drawn"
    )


def _contours(drawing: Drawing, regions: Sequence[str]) -> list[Floats]:
    """All contours of some regions, in the patient's coordinates."""
    contours = [contour for name in regions for contour in drawing.points(name)]
    if not contours:
        raise UserError(f"{', '.join(regions) or 'all regions'}: the ROI has no contours")
    return contours


def _named(references: References, usable: Sequence[ImageSeries]) -> dict[str, list[ImageSeries]]:
    """The series that a file names, by the way in which it does; the most reliable way comes first."""
    return {
        "named images": [series for series in usable if references.instances & set(series.instances)],
        "listed images": [series for series in usable if references.listed & set(series.instances)],
        "named series": [series for series in usable if series.uid in references.series],
    }


def _related(references: References, usable: Sequence[ImageSeries], *, must_fit: bool) -> dict[str, list[ImageSeries]]:
    """The series of the same study, or all where the file names no study: those of its frame of reference, and all."""
    related = [series for series in usable if not references.study or series.study == references.study]
    return {
        "frame of reference": [
            series for series in related if series.frame_of_reference in references.frames_of_reference
        ],
        "geometry": related if must_fit else [],
    }


def _only_one(contours: Sequence[Floats], chosen: Sequence[ImageSeries], *, must_fit: bool) -> ImageSeries | None:
    """The one series that the contours fit, or, where they need not fit, the one that is chosen; None for none."""
    fitting = [series for series in chosen if not must_fit or fits(contours, series)]
    if len(fitting) > 1:
        raise UserError(
            f"the contours fit {len(fitting)} series and do not refer to one of them; keep only the series on which "
            "they were drawn"
        )
    return fitting[0] if fitting else None


def _refuse_unusable(references: References, unusable: Mapping[str, str]) -> None:
    """Refuse to look further when a series that is named is there but can't be used."""
    for uid in references.instances | references.listed | references.series:
        if uid in unusable:
            raise UserError(f"the referenced series cannot be used: {unusable[uid]}")


def _refuse_incomplete(contours: Sequence[Floats], series: ImageSeries) -> None:
    """Refuse a named series that carries some of the contours, or has gaps: slices of it are missing.

    One that is whole and carries none is named by mistake, as by programs that renumber series.
    """
    n_on_slices = _count_on_slices(contours, series)
    if n_on_slices or series.stack.gaps():
        raise UserError(
            f"only {n_on_slices} of {len(contours)} contours lie on the slices of the referenced series: add its "
            "missing slices"
        )


def _count_on_slices(contours: Sequence[Floats], series: ImageSeries) -> int:
    return sum(fits([contour], series) for contour in contours)


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
