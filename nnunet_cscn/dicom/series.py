"""Series of parallel slices, found in headers and put in order by where they lie."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from nnunet_cscn.dicom.headers import Header
from nnunet_cscn.dicom.stack import PARALLEL, Floats, Stack, checked_directions
from nnunet_cscn.errors import UserError

_SAME_PLACE_MM = 1e-3
SAME_SPACING_MM = 1e-4
_SHEAR_MM = 0.05  # how far slices may be shifted against each other in their own plane
# What tells images at the same place apart: echoes, phases, b values, acquisitions.
_REPETITIONS = (
    *("EchoTime", "TemporalPositionIdentifier", "DiffusionBValue", "TriggerTime", "AcquisitionNumber", "ImageType"),
)


@dataclass(frozen=True)
class ImageSeries:
    """Slices that make one volume.

    Attributes:
        uid: SeriesInstanceUID.
        study: StudyInstanceUID.
        patient: PatientID as it stands there: never to be shown.
        modality: MR, CT and so on.
        frame_of_reference: FrameOfReferenceUID; empty where it is blank.
        kind: What ImageType says, such as ORIGINAL or LOCALIZER, in capitals.
        echo_time_ms: EchoTime; None where it is blank.
        stack: Where the slices lie.
        files: One for each slice, in the stack's order.
        instances: Their SOPInstanceUIDs.
        notes: What was passed over, such as duplicates.
    """

    uid: str
    study: str
    patient: str
    modality: str
    frame_of_reference: str
    kind: tuple[str, ...]
    echo_time_ms: float | None
    stack: Stack
    files: tuple[Path, ...]
    instances: tuple[str, ...]
    notes: tuple[str, ...] = field(default=())

    @property
    def is_localiser(self) -> bool:
        """Whether this is a scout, from which nobody contours."""
        return "LOCALIZER" in self.kind


def image_series(headers: Sequence[Header]) -> tuple[list[ImageSeries], dict[str, str]]:
    """Return the series of images, and why others are none.

    One SeriesInstanceUID may hold several stacks (a localiser in three planes, two echoes); each is one of its own.

    Args:
        headers: Of any DICOM files.

    Returns:
        The series in the order of their files, and a reason for each SeriesInstanceUID with files of no use.
    """
    by_uid: dict[str, list[Header]] = defaultdict(list)
    for header in headers:
        is_image = header.number("Rows") or header.is_cut_off
        if is_image and header.text("Modality") not in ("SEG", "RTDOSE", "RTIMAGE"):
            by_uid[header.text("SeriesInstanceUID")].append(header)
    found, problems = [], {}
    for uid, members in by_uid.items():
        reasons: list[str] = []
        for group in _parallel(members, reasons):
            n_others = len(members) - len(group)
            for stack_members in _repetitions(group):
                try:
                    series = _series(stack_members)
                except UserError as fault:
                    reasons.append(str(fault))
                    continue
                images = "image of the series was" if n_others == 1 else "images of the series were"
                others = (f"{n_others} other {images} left out",) if n_others else ()
                found.append(replace(series, notes=(*series.notes, *others)))
        if reasons:
            problems[uid] = "; ".join(dict.fromkeys(reasons))
    return found, problems


def _parallel(members: Sequence[Header], reasons: list[str]) -> list[list[Header]]:
    """Put images of the same size, spacing and orientation together; what has no place is reported."""
    groups: list[list[Header]] = []
    for header in members:
        try:
            _refuse_unplaced(header)
        except UserError as fault:
            reasons.append(str(fault))
            continue
        group = next((group for group in groups if _is_parallel(header, group[0])), None)
        if group is None:
            groups.append([header])
        else:
            group.append(header)
    return groups


def _refuse_unplaced(header: Header) -> None:
    if header.is_cut_off:
        raise UserError("some files are truncated")
    if (header.number("NumberOfFrames") or 1) > 1:
        raise UserError("multi-frame images are not supported: export the series as one file per slice")
    if header.text("PhotometricInterpretation") == "MONOCHROME1":
        raise UserError("inverted images (MONOCHROME1) are not supported")
    orientation, spacing = header.numbers("ImageOrientationPatient", 6), header.numbers("PixelSpacing", 2)
    position = header.numbers("ImagePositionPatient", 3)
    if orientation is None or spacing is None or position is None or not np.isfinite(position).all():
        raise UserError("images have no position, orientation or pixel spacing")
    checked_directions(orientation)


def _is_parallel(header: Header, other: Header) -> bool:
    """Whether two images have the same size and spacing, and lie parallel but for what rounding does."""
    if any(header.number(keyword) != other.number(keyword) for keyword in ("Rows", "Columns")):
        return False
    limits = {"PixelSpacing": (2, SAME_SPACING_MM), "ImageOrientationPatient": (6, PARALLEL)}
    return all(
        np.allclose(header.numbers(keyword, count) or (), other.numbers(keyword, count) or (), rtol=0, atol=limit)
        for keyword, (count, limit) in limits.items()
    )


def _repetitions(group: list[Header]) -> list[list[Header]]:
    """Take images at the same places apart by the first one or two elements that make stacks of the same places."""
    if not _has_repeated_places(group):
        return [group]
    for keywords in (*itertools.combinations(_REPETITIONS, 1), *itertools.combinations(_REPETITIONS, 2)):
        parts: dict[tuple[str, ...], list[Header]] = defaultdict(list)
        for header in group:
            parts[tuple(header.text(keyword) for keyword in keywords)].append(header)
        places = {tuple(sorted(round(height, 2) for height in _heights(part))) for part in parts.values()}
        if len(parts) > 1 and len(places) == 1 and not any(_has_repeated_places(part) for part in parts.values()):
            return list(parts.values())
    return [group]


def _has_repeated_places(group: Sequence[Header]) -> bool:
    return _has_equal(sorted(_heights(_without_copies(group))))


def _without_copies(group: Sequence[Header]) -> list[Header]:
    """One header of each image; two images that share a UID by mistake but lie at different places are two."""
    unique = {}
    for header in reversed(group):
        place = tuple(round(value, 3) for value in header.numbers("ImagePositionPatient", 3) or ())
        unique[(header.instance, place)] = header
    return list(unique.values())


def _has_equal(heights: Sequence[float]) -> bool:
    """Whether two of some ascending heights are the same place."""
    return any(high - low < _SAME_PLACE_MM for low, high in itertools.pairwise(heights))


def _heights(group: Sequence[Header]) -> list[float]:
    """Places along the normal of the first image: each one's own would be off by what rounding does."""
    along, down = checked_directions(group[0].numbers("ImageOrientationPatient", 6) or ())
    positions = np.array([header.numbers("ImagePositionPatient", 3) for header in group])
    return [float(height) for height in positions @ np.cross(along, down)]


def _series(members: Sequence[Header]) -> ImageSeries:
    unique = _without_copies(members)
    members_by_height = sorted(zip(_heights(unique), unique, strict=True), key=lambda pair: pair[0])
    heights, ordered = [height for height, _ in members_by_height], [header for _, header in members_by_height]
    if _has_equal(heights):
        raise UserError("several different images have the same position and cannot be separated")
    first = ordered[0]
    along, down = checked_directions(first.numbers("ImageOrientationPatient", 6) or ())
    origin = first.numbers("ImagePositionPatient", 3) or ()
    _refuse_sheared(ordered, along, down)
    row_step, column_step = first.numbers("PixelSpacing", 2) or (0.0, 0.0)
    if min(row_step, column_step) <= 0:
        raise UserError(f"PixelSpacing: expected two positive numbers, got {row_step} and {column_step}")
    rows, columns = int(first.number("Rows") or 0), int(first.number("Columns") or 0)
    n_copies = len(members) - len(ordered)
    return ImageSeries(
        uid=first.text("SeriesInstanceUID"),
        study=first.text("StudyInstanceUID"),
        patient=first.text("PatientID"),
        modality=first.text("Modality"),
        frame_of_reference=first.text("FrameOfReferenceUID"),
        kind=first.texts("ImageType"),
        echo_time_ms=first.number("EchoTime"),
        stack=Stack(
            (len(ordered), rows, columns),
            (origin[0], origin[1], origin[2]),
            (float(along[0]), float(along[1]), float(along[2])),
            (float(down[0]), float(down[1]), float(down[2])),
            (row_step, column_step),
            tuple(heights),
        ),
        files=tuple(header.file for header in ordered),
        instances=tuple(header.instance for header in ordered),
        notes=(f"{n_copies} copies of slices were passed over",) if n_copies else (),
    )


def _refuse_sheared(ordered: Sequence[Header], along: Floats, down: Floats) -> None:
    """Refuse slices that do not stand above each other, as those of a tilted gantry: no grid holds them."""
    positions = np.array([header.numbers("ImagePositionPatient", 3) for header in ordered])
    shifts = (positions - positions[0]) @ np.stack([along, down], axis=1)
    if (largest := float(np.abs(shifts).max())) > _SHEAR_MM:
        raise UserError(
            f"slices are shifted against each other by up to {largest:.2f} mm, as with a tilted gantry: resample the "
            "series to a regular grid first"
        )
