"""Series of parallel slices, found in headers and put in order by where they lie."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from nnunet_cscn.dicom.headers import Header
from nnunet_cscn.dicom.stack import Floats, Stack, checked_directions
from nnunet_cscn.errors import UserError

_SAME_PLACE_MM = 1e-3
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
        description: SeriesDescription, which may name anything: never to be shown unless asked for.
        frame_of_reference: FrameOfReferenceUID; empty where it is blank.
        kind: What ImageType says, such as ORIGINAL or LOCALIZER, in capitals.
        stack: Where the slices lie.
        files: One for each slice, in the stack's order.
        instances: Their SOPInstanceUIDs.
        notes: What was passed over, such as duplicates.
    """

    uid: str
    study: str
    patient: str
    modality: str
    description: str
    frame_of_reference: str
    kind: tuple[str, ...]
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
        The series by UID and place, and a reason for each SeriesInstanceUID of which files could not be used.
    """
    by_uid: dict[str, list[Header]] = defaultdict(list)
    for header in headers:
        if header.number("Rows") and header.text("Modality") not in ("SEG", "RTDOSE", "RTIMAGE"):
            by_uid[header.text("SeriesInstanceUID")].append(header)
    found, problems = [], {}
    for uid, members in by_uid.items():
        reasons: list[str] = []
        for stack_members in _stacks(members, reasons):
            try:
                found.append(_series(stack_members))
            except UserError as fault:
                reasons.append(str(fault))
        if reasons:
            problems[uid] = "; ".join(dict.fromkeys(reasons))
    return found, problems


def _stacks(members: Sequence[Header], reasons: list[str]) -> list[list[Header]]:
    """Put images of the same size, spacing and orientation together; what has no place is reported."""
    groups: dict[tuple[object, ...], list[Header]] = defaultdict(list)
    for header in members:
        if (header.number("NumberOfFrames") or 1) > 1:
            reasons.append("multi-frame images are not supported: export the series as one file per slice")
            continue
        if header.text("PhotometricInterpretation") == "MONOCHROME1":
            reasons.append("inverted images (MONOCHROME1) are not supported")
            continue
        orientation, spacing = header.numbers("ImageOrientationPatient", 6), header.numbers("PixelSpacing", 2)
        position = header.numbers("ImagePositionPatient", 3)
        if orientation is None or spacing is None or position is None or not np.isfinite(position).all():
            reasons.append("images without position, orientation or pixel spacing")
            continue
        try:
            checked_directions(orientation)
        except UserError as fault:
            reasons.append(str(fault))
            continue
        size = header.number("Rows"), header.number("Columns")
        groups[(*size, *np.round(spacing, 4), *np.round(orientation, 3))].append(header)
    return [stack for group in groups.values() for stack in _repetitions(group)]


def _repetitions(group: list[Header]) -> list[list[Header]]:
    """Take images at the same places apart by the first element that does so."""
    if not _has_repeated_places(group):
        return [group]
    for keyword in _REPETITIONS:
        parts: dict[str, list[Header]] = defaultdict(list)
        for header in group:
            parts[header.text(keyword)].append(header)
        if len(parts) > 1 and not any(_has_repeated_places(part) for part in parts.values()):
            return list(parts.values())
    return [group]


def _has_repeated_places(group: Sequence[Header]) -> bool:
    places = {header.instance: _height(header) for header in group}
    heights = sorted(places.values())
    return _has_equal(heights)


def _has_equal(heights: Sequence[float]) -> bool:
    """Whether two of some ascending heights are the same place."""
    return any(high - low < _SAME_PLACE_MM for low, high in itertools.pairwise(heights))


def _height(header: Header) -> float:
    along, down = checked_directions(header.numbers("ImageOrientationPatient", 6) or ())
    return float(np.cross(along, down) @ np.asarray(header.numbers("ImagePositionPatient", 3)))


def _series(members: Sequence[Header]) -> ImageSeries:
    unique = {header.instance: header for header in reversed(members)}
    ordered = sorted(unique.values(), key=_height)
    heights = [_height(header) for header in ordered]
    if _has_equal(heights):
        raise UserError("several different images lie at the same place, and nothing tells them apart")
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
        description=first.text("SeriesDescription"),
        frame_of_reference=first.text("FrameOfReferenceUID"),
        kind=first.texts("ImageType"),
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
            f"slices are shifted against each other by up to {largest:.2f} mm, as with a tilted gantry: straighten the "
            "series first"
        )
