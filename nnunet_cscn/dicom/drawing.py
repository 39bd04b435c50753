"""What contours and segmentations have in common: regions by name, and references to images."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from nnunet_cscn.dicom.stack import Floats


@dataclass(frozen=True)
class References:
    """References of a file to the images on which it was drawn. They are often outdated or missing.

    Attributes:
        study: StudyInstanceUID.
        series: SeriesInstanceUIDs.
        instances: Names of the images or frames that regions were drawn on, as ``image_references`` gives them.
        listed: Names of further images or frames that it lists.
        frames_of_reference: FrameOfReferenceUIDs.
    """

    study: str
    series: frozenset[str]
    instances: frozenset[str]
    listed: frozenset[str]
    frames_of_reference: frozenset[str]


@dataclass(frozen=True)
class Version:
    """Date and approval of a file, to choose between versions of the same regions.

    Attributes:
        date: When its regions were drawn, as YYYYMMDD; empty where it does not say so.
        time: The time of that day.
        state: ApprovalStatus in capitals, such as APPROVED; empty where there is none.
    """

    date: str
    time: str
    state: str

    @property
    def is_approved(self) -> bool:
        """Whether somebody approved it."""
        return self.state == "APPROVED"

    @property
    def is_rejected(self) -> bool:
        """Whether somebody rejected it."""
        return self.state == "REJECTED"

    @property
    def moment(self) -> tuple[str, str]:
        """By which versions are sorted in time."""
        digits = "".join(filter(str.isdigit, self.date))
        return digits, "".join(filter(str.isdigit, self.time.split(".")[0])) if digits else ""


class Drawing(Protocol):
    """Regions that somebody drew on a series: an RTSTRUCT or a SEG."""

    @property
    def version(self) -> Version:
        """Date and approval of the file."""

    @property
    def references(self) -> References:
        """References to the images on which it was drawn."""

    @property
    def names(self) -> Sequence[str]:
        """Names of its regions, each once."""

    def points(self, name: str) -> Sequence[Floats]:
        """Return points (N, 3) in the patient's coordinates for each contour or slice of a region."""

    def is_blank(self, name: str) -> bool:
        """Tell whether nothing at all is drawn in a region."""

    def references_of(self, names: Sequence[str]) -> References:
        """Return the references of some regions."""


def numbered(names: Mapping[Any, str]) -> dict[Any, str]:
    """Number the names that several regions have, so that each is unique.

    Example:
        >>> numbered({1: "GTV", 2: "Body", 3: "GTV"})
        {1: 'GTV [1]', 2: 'Body', 3: 'GTV [2]'}
    """
    all_names = list(names.values())
    taken = {name for name in all_names if all_names.count(name) == 1}
    unique = {}
    for key, name in names.items():
        candidates = (f"{name} [{number}]" for number in itertools.count(1))
        is_alone = all_names.count(name) == 1
        unique[key] = name if is_alone else next(each for each in candidates if each not in taken)
        taken.add(unique[key])
    return unique
