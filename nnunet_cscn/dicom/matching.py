"""Find the series on which regions were drawn: by references, or by position if the references are outdated."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from nnunet_cscn.dicom.drawing import Drawing, References
from nnunet_cscn.dicom.fitting import are_beside, are_parallel, count_on_slices, fits, off_slices_mm, roughly_fits
from nnunet_cscn.dicom.image_references import image_uid
from nnunet_cscn.dicom.rasterise import OFF_PLANE
from nnunet_cscn.dicom.same_series import without_twins
from nnunet_cscn.dicom.series import ImageSeries
from nnunet_cscn.dicom.series_wording import series_in_words
from nnunet_cscn.dicom.stack import Floats
from nnunet_cscn.errors import UserError
from nnunet_cscn.texts import counted

_BY_IMAGES = "named images"

Fits = Callable[[Sequence[Floats], ImageSeries], bool]


@dataclass(frozen=True)
class Match:
    """The series on which regions were drawn.

    Attributes:
        series: The series.
        found_by: How the series was found, for the report.
        notes: Further notes for the report.
    """

    series: ImageSeries
    found_by: str
    notes: tuple[str, ...] = ()


def series_of(
    drawing: Drawing,
    candidates: Sequence[ImageSeries],
    *,
    regions: Sequence[str] | None = None,
    unusable: Mapping[str, str] | None = None,
    must_fit: bool = True,
    cut: bool = False,
) -> Match:
    """Return the series on which regions were drawn.

    These are tried in turn: images that the contours name, images that the file lists, the series that it names, its
    frame of reference, and the position of the contours alone. The last two use series of the same study. Localisers
    are never used. If the file names a series that exists but cannot be used, no other series replaces it.

    Contours have to lie on the slices and inside the images. If the file names the series or its frame of reference,
    contours may also lie less than half a slice off, and reach beyond the edges of the images.

    Args:
        drawing: The regions.
        candidates: The series of the same patient.
        regions: The regions to consider, None for all. A couch, for example, may lie outside the image.
        unusable: Reasons why other series of the patient cannot be used, by SeriesInstanceUID and SOPInstanceUID.
        must_fit: Whether the contours have to fit the slices. A SEG on another grid can be resampled instead, but only
            onto a series that it names or whose frame of reference it has.
        cut: Whether contours may lie before the first or behind the last slice of a series that the file names.

    Raises:
        UserError: When no series fits, or several do.
    """
    usable = [series for series in candidates if not series.is_localiser]
    references = drawing.references if regions is None else drawing.references_of(regions)
    if not usable:
        _refuse_unusable(references, unusable or {})
        if unusable:
            raise UserError(f"no image series can be used: {'; '.join(dict.fromkeys(unusable.values()))}")
        raise UserError("found contours but no image series; add the images on which they were drawn")
    names = drawing.names if regions is None else regions
    contours = [contour for name in names for contour in drawing.points(name)]
    strict: Fits = fits if must_fit else _always
    loose: Fits = (lambda contours, series: roughly_fits(contours, series, cut=cut)) if must_fit else _always
    named = _named(references, usable)
    if not contours:
        return _by_references_alone(named | _related(references, usable, must_fit=False), names)
    for found_by, chosen in named.items():
        if match := _only_one(contours, chosen, found_by, strict, references):
            return match
        for each in chosen:
            if count_on_slices(contours, each) and (match := _only_one(contours, [each], found_by, loose, references)):
                return match
            _refuse_incomplete(contours, each)
    _refuse_unusable(references, unusable or {})
    related = _related(references, usable, must_fit=must_fit)
    for found_by, chosen in related.items():
        if match := _only_one(contours, chosen, found_by, strict, references):
            return match
    related.pop("geometry")
    for found_by, chosen in (named | related).items():
        if match := _only_one(contours, chosen, found_by, loose, references):
            return match
    raise UserError(_why_none_fits(contours, usable, named))


def _by_references_alone(referred: Mapping[str, Sequence[ImageSeries]], names: Sequence[str]) -> Match:
    """Return the series of a file without contours that can be filled."""
    for found_by, chosen in referred.items():
        if len(chosen) == 1:
            return Match(chosen[0], found_by)
    raise UserError(f"{', '.join(names) or 'all regions'}: the ROI has no contours")


def _named(references: References, usable: Sequence[ImageSeries]) -> dict[str, list[ImageSeries]]:
    """Return the series that a file names, by the kind of reference. The most reliable kind comes first."""
    own = {id(series): series.aliases | set(series.instances) | {series.uid} for series in usable}
    return {
        found_by: [series for series in usable if uids & own[id(series)]]
        for found_by, uids in (
            (_BY_IMAGES, references.instances),
            ("listed images", references.listed),
            ("named series", references.series),
        )
    }


def _related(references: References, usable: Sequence[ImageSeries], *, must_fit: bool) -> dict[str, list[ImageSeries]]:
    """Return further series: those with the same frame of reference, and all of the same study.

    If the file names no study, all series count as of the same study. Series of other studies with the same frame of
    reference come last.
    """
    related = [series for series in usable if not references.study or series.study == references.study]
    sharing = [series for series in usable if series.frame_of_reference in references.frames_of_reference]
    return {
        "frame of reference": [series for series in sharing if series in related],
        "geometry": related if must_fit else [],
        "frame of reference in another study": [series for series in sharing if series not in related],
    }


def _only_one(
    contours: Sequence[Floats],
    chosen: Sequence[ImageSeries],
    found_by: str,
    is_fitting: Fits,
    references: References,
) -> Match | None:
    """Return the only series that fits the contours, or None. Series with the same pixels count as one."""
    fitting = [series for series in chosen if is_fitting(contours, series)]
    if found_by != _BY_IMAGES:
        sharing = [series for series in fitting if series.frame_of_reference in references.frames_of_reference]
        fitting = sharing or fitting
    different = without_twins(fitting)
    if len(different) > 1:
        which = "; ".join(map(series_in_words, different))
        if found_by == _BY_IMAGES:
            raise UserError(
                f"the regions name images of {len(different)} series ({which}): choose one of them with "
                "series=PATTERN, or convert the regions of one series at a time"
            )
        raise UserError(
            f"the contours fit {len(different)} series ({which}) and do not refer to one of them; choose the series "
            "on which they were drawn with series=PATTERN"
        )
    if not different:
        return None
    n_twins = len(fitting) - 1
    twins = f"the images are there as {n_twins + 1} series with the same pixels; one of them was used"
    return Match(different[0], found_by, (twins,) if n_twins else ())


def _refuse_unusable(references: References, unusable: Mapping[str, str]) -> None:
    """Raise an error if a series that the file names exists but cannot be used."""
    images = {image_uid(name) for name in references.instances | references.listed}
    for uid in images | references.series:
        if uid in unusable:
            raise UserError(f"the referenced series cannot be used: {unusable[uid]}")


def _refuse_incomplete(contours: Sequence[Floats], series: ImageSeries) -> None:
    """Raise an error if a named series has gaps, or only some of the contours lie on its slices.

    If it is complete and none of the contours lie on it, it is named by mistake. Programs that renumber series do this.
    """
    n_on_slices, gaps = count_on_slices(contours, series), series.stack.gaps()
    if not n_on_slices and not gaps:
        return
    found = f"the referenced series has slices for only {n_on_slices} of {counted(len(contours), 'contour')}"
    if gaps:
        raise UserError(f"{found}, because slices are missing ({gaps[0]}): add them")
    if not are_parallel(contours, series):
        raise UserError(f"{found}; others are not parallel to them: use the series on which they were drawn")
    farthest = max(off_slices_mm(contour, series) for contour in contours)
    raise UserError(
        f"{found}; others lie up to {farthest:.4g} mm before its first or behind its last slice: add the missing "
        "slices, or add allow_loss=True to leave these contours out"
    )


def _why_none_fits(
    contours: Sequence[Floats], usable: Sequence[ImageSeries], named: Mapping[str, Sequence[ImageSeries]]
) -> str:
    """Describe how far the contours lie from the named series, or how many lie on the slices of any series."""
    for chosen in named.values():
        for series in chosen:
            off = [off_slices_mm(contour, series) for contour in contours]
            if are_parallel(contours, series) and are_beside(contours, series):
                return "the contours lie completely beside the images of the referenced series: check which they are"
            if are_parallel(contours, series) and max(off) >= OFF_PLANE * series.stack.slice_spacing_mm:
                return (
                    f"the contours lie up to {max(off):.3g} mm from the nearest slice of the referenced series, half a "
                    f"slice or more (slices are {series.stack.slice_spacing_mm:.4g} mm apart): use the series on "
                    "which they were drawn"
                )
    n_on_slices = max(count_on_slices(contours, series) for series in usable)
    return (
        f"no available series fits (slices for at most {n_on_slices} of {counted(len(contours), 'contour')}): add the "
        "series on which the contours were drawn, or its missing slices"
    )


def _always(contours: Sequence[Floats], series: ImageSeries) -> bool:
    return True
