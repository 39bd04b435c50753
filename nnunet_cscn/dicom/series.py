"""Find series of parallel slices in headers, and sort the slices by position."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from pydicom.uid import ParametricMapStorage

from nnunet_cscn.dicom.frames import SOURCE, frame_headers, is_multi_frame
from nnunet_cscn.dicom.headers import Header
from nnunet_cscn.dicom.image_references import image_name
from nnunet_cscn.dicom.lone_images import joined_lone_images
from nnunet_cscn.dicom.repetitions import Repetition, has_equal, heights_of, repetitions, without_copies
from nnunet_cscn.dicom.slice_line import (
    EVEN_MM,
    Line,
    allowed_deviation_mm,
    even_heights,
    slice_numbers,
    straightened,
)
from nnunet_cscn.dicom.stack import PARALLEL, Floats, Stack, checked_directions
from nnunet_cscn.errors import UserError

SAME_SPACING_MM = 1e-4
_DESCRIPTIONS = ("SeriesDescription", "ProtocolName", "SequenceName", "PulseSequenceName")


@dataclass(frozen=True)
class ImageSeries:
    """Slices that form one volume.

    Attributes:
        uid: SeriesInstanceUID.
        study: StudyInstanceUID.
        patient: PatientID as stored. Never show it.
        modality: MR, CT and so on.
        frame_of_reference: FrameOfReferenceUID; empty if it is blank.
        kind: The values of ImageType in capitals, such as ORIGINAL or LOCALIZER.
        echo_time_ms: EchoTime; None if it is blank.
        stack: The positions of the slices.
        files: The file of each slice, in the order of the stack. Frames of one file repeat it.
        instances: The SOPInstanceUID of each slice.
        notes: What was left out, such as copies.
        aliases: Further names by which other files may refer to it: frames of its images, images that are stored again,
            slices that were converted to frames, and series whose images were put together.
        part: Which part of its SeriesInstanceUID this is, such as ``phase 2`` or ``echo time 80 ms``; empty for the
            whole series.
        frames: The frame number of each slice, counted from 1; empty if each slice has a file of its own.
        slice_uids: The SeriesInstanceUID of each slice, if each has its own; empty if all have that of the series.
        descriptions: Description of the series, protocol and sequence. This is free text.
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
    aliases: frozenset[str] = field(default=frozenset())
    part: str = ""
    frames: tuple[int, ...] = ()
    slice_uids: tuple[str, ...] = ()
    descriptions: tuple[str, ...] = ()

    @property
    def is_localiser(self) -> bool:
        """Whether this is a localiser, on which nobody draws contours."""
        return "LOCALIZER" in self.kind


def image_series(headers: Sequence[Header]) -> tuple[list[ImageSeries], dict[str, str]]:
    """Return the series of images, and the reason why others cannot be used.

    One SeriesInstanceUID may hold several volumes (a localiser in three planes, two echoes). Each becomes a series.
    Multi-frame images are split into their frames first.

    Args:
        headers: Headers of any DICOM files.

    Returns:
        The series in the order of their files, and a reason for each SeriesInstanceUID with files that cannot be used.
    """
    by_uid: dict[str, list[Header]] = defaultdict(list)
    for header in headers:
        is_image = header.number("Rows") or header.is_cut_off
        is_map = header.text("SOPClassUID") == ParametricMapStorage  # such as our own map of uncertainty
        if is_image and not is_map and header.text("Modality") not in ("SEG", "RTDOSE", "RTIMAGE"):
            by_uid[header.text("SeriesInstanceUID")].append(header)
    found = []
    reasons_by_uid = defaultdict[str, list[str]](list)
    slices = {uid: _slices(files, reasons_by_uid[uid]) for uid, files in by_uid.items()}
    for uid, members in joined_lone_images(slices).items():
        reasons = reasons_by_uid[uid]
        for group in _parallel(members, reasons):
            n_others = len(members) - len(group)
            for repetition in repetitions(group):
                try:
                    series = _series(repetition)
                except UserError as fault:
                    reasons.append(str(fault))
                    continue
                images = "image of the series was" if n_others == 1 else "images of the series were"
                others = (f"{n_others} other {images} left out",) if n_others else ()
                found.append(replace(series, notes=(*series.notes, *others)))
    problems = {uid: "; ".join(dict.fromkeys(reasons)) for uid, reasons in reasons_by_uid.items() if reasons}
    return found, problems


def _slices(files: Sequence[Header], reasons: list[str]) -> list[Header]:
    """Return one header for each slice. Multi-frame files give one header for each frame."""
    slices = []
    for header in files:
        try:
            slices += frame_headers(header) if is_multi_frame(header) and not header.is_cut_off else [header]
        except UserError as fault:
            reasons.append(str(fault))
    return slices


def _parallel(members: Sequence[Header], reasons: list[str]) -> list[list[Header]]:
    """Group images of the same size, spacing and orientation, and report images without a position."""
    groups: list[list[Header]] = []
    for header in members:
        try:
            _check_image(header)
        except UserError as fault:
            reasons.append(str(fault))
            continue
        group = next((group for group in groups if _is_parallel(header, group[0])), None)
        if group is None:
            groups.append([header])
        else:
            group.append(header)
    return groups


def _check_image(header: Header) -> None:
    if header.is_cut_off:
        raise UserError("some files are truncated")
    if header.text("PhotometricInterpretation") not in ("", "MONOCHROME1", "MONOCHROME2"):
        raise UserError("colour images are not supported")
    if header.text("PhotometricInterpretation") == "MONOCHROME1":
        raise UserError("inverted images (MONOCHROME1) are not supported")
    orientation, spacing = header.numbers("ImageOrientationPatient", 6), header.numbers("PixelSpacing", 2)
    position = header.numbers("ImagePositionPatient", 3)
    if orientation is None or spacing is None or position is None or not np.isfinite(position).all():
        raise UserError("images have no position, orientation or pixel spacing")
    checked_directions(orientation)


def _is_parallel(header: Header, other: Header) -> bool:
    """Whether two images have the same size and spacing and are parallel, except for rounding."""
    if any(header.number(keyword) != other.number(keyword) for keyword in ("Rows", "Columns")):
        return False
    limits = {"PixelSpacing": (2, SAME_SPACING_MM), "ImageOrientationPatient": (6, PARALLEL)}
    return all(
        np.allclose(header.numbers(keyword, count) or (), other.numbers(keyword, count) or (), rtol=0, atol=limit)
        for keyword, (count, limit) in limits.items()
    )


def _series(repetition: Repetition) -> ImageSeries:
    unique = without_copies(repetition.members)
    members_by_height = sorted(zip(heights_of(unique), unique, strict=True), key=lambda pair: pair[0])
    heights, ordered = [height for height, _ in members_by_height], [header for _, header in members_by_height]
    if has_equal(heights):
        raise UserError("several different images have the same position and cannot be separated")
    first = ordered[0]
    row_step, column_step = first.numbers("PixelSpacing", 2) or (0.0, 0.0)
    if min(row_step, column_step) <= 0:
        raise UserError(f"PixelSpacing: expected two positive numbers, got {row_step} and {column_step}")
    line, line_notes = _line(ordered, heights)
    slice_uids = tuple(header.text("SeriesInstanceUID") for header in ordered)
    uids = dict.fromkeys(slice_uids)
    n_copies = len(repetition.members) - len(ordered)
    notes = {
        f"{n_copies} copies of slices were passed over": n_copies,
        f"{len(repetition.copies)} images hold the same pixels as others and were not used": repetition.copies,
        f"only a part of the series: {repetition.part}": repetition.part,
        f"each of the {len(uids)} slices has a series of its own; they were put together": len(uids) > 1,
    }
    return ImageSeries(
        uid=first.text("SeriesInstanceUID"),
        study=first.text("StudyInstanceUID"),
        patient=first.text("PatientID"),
        modality=first.text("Modality"),
        frame_of_reference=first.text("FrameOfReferenceUID"),
        kind=first.texts("ImageType"),
        echo_time_ms=first.number("EchoTime"),
        stack=Stack(
            (len(ordered), int(first.number("Rows") or 0), int(first.number("Columns") or 0)),
            _three(line.origin_mm),
            _three(line.along),
            _three(line.down),
            (row_step, column_step),
            tuple(heights),
        ),
        files=tuple(header.file for header in ordered),
        instances=tuple(header.instance for header in ordered),
        notes=(*(note for note, applies in notes.items() if applies), *line_notes),
        aliases=frozenset(uids).union(*map(_aliases, ordered), *map(_aliases, repetition.copies))
        | {header.instance for header in repetition.copies},
        part=repetition.part,
        frames=tuple(header.frame for header in ordered) if any(header.frame for header in ordered) else (),
        slice_uids=slice_uids if len(uids) > 1 else (),
        descriptions=tuple(dict.fromkeys(text for keyword in _DESCRIPTIONS if (text := first.text(keyword)))),
    )


def _aliases(header: Header) -> set[str]:
    """Return other names by which contours may refer to a slice, besides the SOPInstanceUID of its file."""
    frame = {image_name(header.instance, header.frame)} if header.frame else set()
    return frame | set(header.elements.get(SOURCE, ()))


def _line(ordered: Sequence[Header], heights: list[float]) -> tuple[Line, list[str]]:
    """Return the positions of the slices without rounding errors. Heights are changed only if needed."""
    along, down = checked_directions(ordered[0].numbers("ImageOrientationPatient", 6) or ())
    positions = np.array([header.numbers("ImagePositionPatient", 3) for header in ordered])
    line = straightened(positions, along, down)
    notes = [line.note] if line.note else []
    normal = np.cross(line.along, line.down)
    if line.note:
        heights[:] = ((positions - line.origin_mm) @ normal + line.origin_mm @ normal).tolist()
    if len(heights) < 3:
        return line, notes
    spacing = float(np.median(np.diff(heights)))
    numbers = slice_numbers(np.asarray(heights), spacing)
    fitted, deviation = even_heights(np.asarray(heights), numbers)
    is_even = numbers[-1] == len(heights) - 1 and deviation <= allowed_deviation_mm(spacing)
    if is_even and np.abs(np.diff(heights) - spacing).max() > EVEN_MM:
        moved = replace(line, origin_mm=line.origin_mm + (fitted[0] - heights[0]) * normal)
        heights[:] = fitted.tolist()
        return moved, [*notes, f"slices are up to {deviation:.2g} mm off even steps: rounded positions"]
    return line, notes


def _three(values: Floats) -> tuple[float, float, float]:
    return float(values[0]), float(values[1]), float(values[2])
