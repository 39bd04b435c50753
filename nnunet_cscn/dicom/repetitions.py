"""Split images of one series that lie at the same positions, such as copies, echoes and phases, into volumes."""

from __future__ import annotations

import hashlib
import itertools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pydicom

from nnunet_cscn.dicom.headers import Header
from nnunet_cscn.dicom.stack import checked_directions

SAME_PLACE_MM = 1e-3
_EQUAL_PLACES_MM = 0.01  # largest difference between the positions of two parts
_MOST_ELEMENTS = 3  # that may be needed together, such as echo, phase and part of a complex image
# The elements that separate images, in the order in which they are tried, and how their values are described.
_ELEMENTS: Mapping[str, str] = {
    "EchoTime": "echo time {} ms",
    "TemporalPositionIdentifier": "phase {}",
    "DiffusionBValue": "b value {} s/mm2",
    "TriggerTime": "trigger time {} ms",
    "AcquisitionNumber": "acquisition {}",
    "ImageType": "image type {}",
    "ComplexImageComponent": "{}",
    "DiffusionGradientOrientation": "diffusion direction {}",
    "InversionTime": "inversion time {} ms",
    "FlipAngle": "flip angle {} degrees",
    "VelocityEncodingDirection": "velocity encoding {}",
    "ConvolutionKernel": "kernel {}",
}
# If none of these separates the images, the order of one of the following elements separates dynamic phases.
_ORDERS = ("AcquisitionTime", "ContentTime", "InstanceNumber")


@dataclass(frozen=True)
class Repetition:
    """Images of different places.

    Attributes:
        members: Their headers; copies of a file are still among them.
        copies: Headers of images with the same pixels, which are not used.
        part: Which part of its series this is, such as ``echo time 80 ms``; empty for the whole series.
    """

    members: list[Header]
    copies: tuple[Header, ...] = ()
    part: str = ""


def repetitions(group: Sequence[Header]) -> list[Repetition]:
    """Separate parallel images so that each part has one image at each place.

    Stacks of a multi-frame image are separated first. Then these are tried in turn: elements such as the echo time or
    the b value, alone or up to three together; leaving out images whose pixels are stored twice; the order of times or
    numbers, if every place has as many images.

    Args:
        group: Images or frames of the same size and orientation.

    Returns:
        The parts. The whole group if nothing separates its images.
    """
    parts = _grouped(group, ("StackID",))
    if len(parts) < 2 or all(len(without_copies(members)) == 1 for members in parts.values()):
        return _repetitions(list(group))
    return [
        replace(each, part=", ".join(filter(None, (f"stack {stack or 'without a number'}", each.part))))
        for (stack,), members in parts.items()
        for each in _repetitions(members)
    ]


def _repetitions(group: list[Header]) -> list[Repetition]:
    if not _has_repeated_places(group):
        return [Repetition(group)]
    if parts := _by_elements(group):
        return parts
    kept, copies = _without_equal_pixels(without_copies(group))
    if copies and not _has_repeated_places(kept):
        return [Repetition(kept, tuple(copies))]
    if parts := _by_elements(kept):
        return [replace(part, copies=tuple(copies)) for part in parts]
    for keyword in _ORDERS:
        if phases := _by_value(kept, keyword) or _by_order(kept, keyword):
            return [
                Repetition(phase, tuple(copies), f"phase {number} of {len(phases)} by {keyword}")
                for number, phase in enumerate(phases, start=1)
            ]
    return [Repetition(group)]


def without_copies(group: Sequence[Header]) -> list[Header]:
    """Return one header of each image. Images at different positions are different, even with the same UID."""
    unique = {}
    for header in reversed(group):
        place = tuple(round(value, 3) for value in header.position)
        unique[(header.instance, header.frame, place)] = header
    return list(unique.values())


def has_equal(heights: Sequence[float]) -> bool:
    """Tell whether two of these ascending heights are the same position."""
    return any(high - low < SAME_PLACE_MM for low, high in itertools.pairwise(heights))


def heights_of(group: Sequence[Header]) -> list[float]:
    """Return positions along the normal of the first image, because rounding changes the normal of each image."""
    along, down = checked_directions(group[0].numbers("ImageOrientationPatient", 6) or ())
    positions = np.array([header.position for header in group])
    return [float(height) for height in positions @ np.cross(along, down)]


def _by_elements(group: Sequence[Header]) -> list[Repetition]:
    """Split by the first elements that give every part the same positions. Return no parts if no elements do."""
    unique = without_copies(group)
    varying = [keyword for keyword in _ELEMENTS if len(_grouped(unique, (keyword,))) > 1]
    for n_elements in range(1, _MOST_ELEMENTS + 1):
        for keywords in itertools.combinations(varying, n_elements):
            if _have_same_places(list(_grouped(unique, keywords).values())):
                parts = _grouped(group, keywords).values()
                told = [keyword for keyword in varying if all(len(_grouped(part, (keyword,))) == 1 for part in parts)]
                return [Repetition(part, part=_described(told, part[0])) for part in parts]
    return []


def _by_value(group: Sequence[Header], keyword: str) -> list[list[Header]]:
    """Split into phases by an element. One phase may lack slices. Return no phases if it does not fit."""
    parts: dict[float, list[Header]] = defaultdict(list)
    for header in group:
        if (value := header.number(keyword)) is None:
            return []
        parts[value].append(header)
    n_phases = max(len(place) for place in _by_place(group))
    if len(parts) != n_phases or any(_has_repeated_places(part) for part in parts.values()):
        return []
    return [parts[value] for value in sorted(parts)]


def _grouped(group: Sequence[Header], keywords: Sequence[str]) -> dict[tuple[str, ...], list[Header]]:
    """Group images by their values of some elements."""
    parts = defaultdict[tuple[str, ...], list[Header]](list)
    for header in group:
        parts[tuple(header.text(keyword) for keyword in keywords)].append(header)
    return parts


def _have_same_places(parts: Sequence[Sequence[Header]]) -> bool:
    """Tell whether all parts have the same positions, with one image at each."""
    if len({len(part) for part in parts}) > 1:
        return False
    first = parts[0][0]  # its normal is used for all parts
    heights = np.array([sorted(heights_of([first, *part])[1:]) for part in parts])
    return not has_equal(heights[0].tolist()) and bool(np.ptp(heights, axis=0).max() < _EQUAL_PLACES_MM)


def _described(keywords: Sequence[str], header: Header) -> str:
    """Return the values of elements as phrases, such as ``echo time 80 ms``."""
    return ", ".join(_ELEMENTS[keyword].format(_short(header.text(keyword)) or "missing") for keyword in keywords)


def _short(value: str) -> str:
    """Round numbers for people, such as the direction ``0.70710678118\\0.70710678118\\0``."""
    try:
        return ", ".join(f"{float(part):.4g}" for part in value.split("\\"))
    except ValueError:
        return value.replace("\\", " ")


def _by_order(group: Sequence[Header], keyword: str) -> list[list[Header]]:
    """Split into phases by the order of an element at each position. Return no phases if it does not fit."""
    places = _by_place(group)
    n_phases = len(places[0])
    if any(len(place) != n_phases for place in places):
        return []
    ordered = []
    for place in places:
        values = [header.number(keyword) for header in place]
        known = [value for value in values if value is not None]
        if len(known) < n_phases or len(set(known)) < n_phases:
            return []
        ordered.append([place[index] for index in np.argsort(known)])
    return [[place[phase] for place in ordered] for phase in range(n_phases)]


def _by_place(group: Sequence[Header]) -> list[list[Header]]:
    places: list[list[Header]] = []
    last = -np.inf
    for height, header in sorted(zip(heights_of(group), group, strict=True), key=lambda pair: pair[0]):
        if height - last < SAME_PLACE_MM:
            places[-1].append(header)
        else:
            places.append([header])
        last = height
    return places


def _without_equal_pixels(group: Sequence[Header]) -> tuple[list[Header], list[Header]]:
    """Separate headers into one for each position and pixel content, and further copies of the same slices."""
    places = _by_place(group)
    hashes = _pixel_hashes([header for place in places if len(place) > 1 for header in place])
    kept, copies = list[Header](), list[Header]()
    for place in places:
        seen = set[str]()
        for header in place:
            content = hashes.get((header.file, header.frame), "")
            (copies if content in seen else kept).append(header)
            seen.add(content)
    return kept, copies


def _pixel_hashes(headers: Sequence[Header]) -> dict[tuple[Path, int], str]:
    """Return a hash of each image's pixels by file and frame. If they cannot be read, hash the path of the file."""
    frames = defaultdict[Path, list[int]](list)
    for header in headers:
        frames[header.file].append(header.frame)
    return {
        (file, frame): content
        for file, numbers in frames.items()
        for frame, content in zip(numbers, _hashes_of_file(file, numbers), strict=True)
    }


def _hashes_of_file(file: Path, frames: Sequence[int]) -> list[str]:
    keywords = ["PixelData", "RescaleSlope", "RescaleIntercept", "BitsAllocated", "PixelRepresentation"]
    try:
        if any(frames):
            from nnunet_cscn.dicom.frame_pixels import read_frames

            return [hashlib.sha256(pixels.tobytes()).hexdigest() for pixels in read_frames(file, frames)]
        content = pydicom.dcmread(file, force=True, specific_tags=keywords)
        if not content.get("PixelData"):
            return [str(file)]
        stated = "|".join(str(content.get(keyword, "")) for keyword in keywords[1:])
        return [hashlib.sha256(stated.encode() + content.PixelData).hexdigest()]
    except Exception:  # a damaged file can raise any exception; reading its pixels reports it later
        return [f"{file}#{frame}" for frame in frames]


def _has_repeated_places(group: Sequence[Header]) -> bool:
    return has_equal(sorted(heights_of(without_copies(group))))
