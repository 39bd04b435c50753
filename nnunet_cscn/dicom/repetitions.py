"""Images of one series at the same places: copies, echoes, phases; each stack of different places is one volume."""

from __future__ import annotations

import hashlib
import itertools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pydicom

from nnunet_cscn.dicom.headers import Header
from nnunet_cscn.dicom.stack import checked_directions

SAME_PLACE_MM = 1e-3
# What tells images at the same place apart: echoes, phases, b values, acquisitions.
_ELEMENTS = (
    *("EchoTime", "TemporalPositionIdentifier", "DiffusionBValue", "TriggerTime", "AcquisitionNumber", "ImageType"),
)
# Elements by whose order the phases of a dynamic series are told apart where none of the above does it.
_ORDERS = ("AcquisitionTime", "ContentTime", "InstanceNumber")


@dataclass(frozen=True)
class Repetition:
    """Images of different places.

    Attributes:
        members: Their headers; copies of a file are still among them.
        copies: Headers of images with the same pixels, which are not used.
        part: Which part of its series this is, such as "phase 2 of 4 by AcquisitionTime"; empty for the whole.
    """

    members: list[Header]
    copies: tuple[Header, ...] = ()
    part: str = ""


def repetitions(group: list[Header]) -> list[Repetition]:
    """Separate parallel images so that each part has one image at each place.

    Tried in turn: elements that tell echoes, b values and the like apart; leaving out images whose pixels are stored
    twice; the order of times or numbers, where every place has as many images.

    Args:
        group: Images of the same size and orientation.

    Returns:
        The parts; the group itself where nothing separates its images.
    """
    if not _has_repeated_places(group):
        return [Repetition(group)]
    if parts := _by_elements(group):
        return [Repetition(part) for part in parts]
    kept, copies = _without_equal_pixels(without_copies(group))
    if copies and not _has_repeated_places(kept):
        return [Repetition(kept, tuple(copies))]
    if parts := _by_elements(kept):
        return [Repetition(part, tuple(copies)) for part in parts]
    for keyword in _ORDERS:
        if parts := _by_value(kept, keyword) or _by_order(kept, keyword):
            return [
                Repetition(part, tuple(copies), f"phase {number} of {len(parts)} by {keyword}")
                for number, part in enumerate(parts, start=1)
            ]
    return [Repetition(group)]


def without_copies(group: Sequence[Header]) -> list[Header]:
    """Return one header of each image; two images that share a UID by mistake but lie at different places are two."""
    unique = {}
    for header in reversed(group):
        place = tuple(round(value, 3) for value in header.numbers("ImagePositionPatient", 3) or ())
        unique[(header.instance, place)] = header
    return list(unique.values())


def has_equal(heights: Sequence[float]) -> bool:
    """Tell whether two of some ascending heights are the same place."""
    return any(high - low < SAME_PLACE_MM for low, high in itertools.pairwise(heights))


def heights_of(group: Sequence[Header]) -> list[float]:
    """Return places along the normal of the first image: each one's own would be off by what rounding does."""
    along, down = checked_directions(group[0].numbers("ImageOrientationPatient", 6) or ())
    positions = np.array([header.numbers("ImagePositionPatient", 3) for header in group])
    return [float(height) for height in positions @ np.cross(along, down)]


def _by_elements(group: Sequence[Header]) -> list[list[Header]]:
    """Parts by the first one or two elements that make stacks of the same places; none where no element does."""
    for keywords in (*itertools.combinations(_ELEMENTS, 1), *itertools.combinations(_ELEMENTS, 2)):
        parts: dict[tuple[str, ...], list[Header]] = defaultdict(list)
        for header in group:
            parts[tuple(header.text(keyword) for keyword in keywords)].append(header)
        places = {tuple(sorted(round(height, 2) for height in heights_of(part))) for part in parts.values()}
        if len(parts) > 1 and len(places) == 1 and not any(_has_repeated_places(part) for part in parts.values()):
            return list(parts.values())
    return []


def _by_value(group: Sequence[Header], keyword: str) -> list[list[Header]]:
    """Phases by equal values of an element, in their order; one may lack slices. None where values are not phases."""
    parts: dict[float, list[Header]] = defaultdict(list)
    for header in group:
        if (value := header.number(keyword)) is None:
            return []
        parts[value].append(header)
    n_phases = max(len(place) for place in _by_place(group))
    if len(parts) != n_phases or any(_has_repeated_places(part) for part in parts.values()):
        return []
    return [parts[value] for value in sorted(parts)]


def _by_order(group: Sequence[Header], keyword: str) -> list[list[Header]]:
    """Phases by the order of an element at each place; none where places have other counts or equal values."""
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
    """One header for each place and content of pixels, and the others: the same slices stored again."""
    kept, copies = list[Header](), list[Header]()
    for place in _by_place(group):
        seen = set[str]()
        for header in place:
            content = _pixel_hash(header) if len(place) > 1 else ""
            (copies if content in seen else kept).append(header)
            seen.add(content)
    return kept, copies


def _pixel_hash(header: Header) -> str:
    """A hash of the stored pixels and of how they are to be read; the file's path where they can't be read."""
    keywords = ["PixelData", "RescaleSlope", "RescaleIntercept", "BitsAllocated", "PixelRepresentation"]
    try:
        content = pydicom.dcmread(header.file, force=True, specific_tags=keywords)
        if not content.get("PixelData"):
            return str(header.file)
        stated = "|".join(str(content.get(keyword, "")) for keyword in keywords[1:])
        return hashlib.sha256(stated.encode() + content.PixelData).hexdigest()
    except Exception:  # a damaged file may lead to anything; its reading says so later
        return str(header.file)


def _has_repeated_places(group: Sequence[Header]) -> bool:
    return has_equal(sorted(heights_of(without_copies(group))))
