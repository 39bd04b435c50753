"""From a study to the images and labels of a case."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nnunet_cscn.conversion.dicom_labels import Region, label_map
from nnunet_cscn.conversion.dicom_studies import Study
from nnunet_cscn.conversion.source_case import LoadedCase
from nnunet_cscn.dicom.drawing import Drawing
from nnunet_cscn.dicom.matching import Match, series_of
from nnunet_cscn.dicom.pixels import read_pixels
from nnunet_cscn.dicom.roi_names import choose_roi
from nnunet_cscn.dicom.segments import read_segments
from nnunet_cscn.dicom.structures import read_structures
from nnunet_cscn.errors import ArgumentError, UserError


@dataclass(frozen=True)
class Request:
    """What is wanted of every study.

    Attributes:
        regions: The labels; where two overlap, the later one is on top.
        merge: Whether several regions of interest that fit one label become one, instead of a refusal.
        resample: Whether segments on another grid than the images' are resampled, instead of a refusal.
    """

    regions: Sequence[Region]
    merge: bool = False
    resample: bool = False


def match_study(study: Study, request: Request) -> tuple[Drawing, Match]:
    """Read the regions of a study, and find the series that they were drawn on.

    Args:
        study: The study.
        request: The labels, whose regions of interest count.

    Raises:
        UserError: When they cannot be read, or no single series fits.
    """
    file = study.identity.file
    drawing: Drawing = read_segments(file) if study.is_segmentation else read_structures(file)
    chosen = [name for region in request.regions for name in choose_roi(region.wanted, drawing.names)]
    must_fit = not (study.is_segmentation and request.resample)
    try:
        match = series_of(drawing, study.series, regions=chosen or None, unusable=study.unusable, must_fit=must_fit)
    except UserError as fault:
        advice = ["if the SEG has a different grid, add resample=True"] if study.is_segmentation and must_fit else []
        others = [reason for reason in dict.fromkeys(study.unusable.values()) if reason not in str(fault)]
        raise UserError("; ".join((str(fault), *advice, *others))) from None
    return drawing, match


def load_study(study: Study, request: Request) -> LoadedCase:
    """Read the images that a study's regions were drawn on, and fill the regions.

    Raises:
        UserError: As in ``match_study``, ``label_map`` and ``read_pixels``.
    """
    drawing, match = match_study(study, request)
    labels = label_map(drawing, match.series, request.regions, merge=request.merge, resample=request.resample)
    details = {
        "modality": match.series.modality,
        "drawn_in": "SEG" if study.is_segmentation else "RTSTRUCT",
        "series_told_by": match.told_by,
        **{f"{label}_regions": names for label, names in labels.regions.items()},
    }
    notes = (*match.series.notes, *labels.notes)
    return LoadedCase([read_pixels(match.series)], labels.voxels, match.series.stack.grid(), notes, details)


def common_modality(modalities: Iterable[str]) -> str:
    """Return the one modality of all series; empty where there is no series.

    Raises:
        ArgumentError: When a series does not say its own, or they are different, which one network can't be
            normalised for.

    Example:
        >>> common_modality(["MR", "MR"])
        'MR'
    """
    different = sorted(set(modalities))
    if "" in different:
        raise ArgumentError("modality", "the images have no modality: give one, such as MR")
    if len(different) > 1:
        raise ArgumentError(
            "modality",
            f"the studies have different modalities ({' and '.join(different)}): convert one modality at a time",
        )
    return different[0] if different else ""
