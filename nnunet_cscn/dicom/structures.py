"""RTSTRUCT files: the regions of interest and their contours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pydicom
from pydicom.multival import MultiValue

from nnunet_cscn.dicom.drawing import References, Version, numbered
from nnunet_cscn.dicom.image_references import referenced_images
from nnunet_cscn.dicom.stack import Floats
from nnunet_cscn.errors import UserError

RTSTRUCT = "1.2.840.10008.5.1.4.1.1.481.3"
_EXCLUSIVE, _NO_TYPE = "CLOSEDPLANAR_XOR", ""
# Contours of these types are filled. A missing type is reported.
_CLOSED = ("CLOSED_PLANAR", "INTERPOLATED_PLANAR", _EXCLUSIVE, _NO_TYPE)


@dataclass(frozen=True)
class UnusedContour:
    """A contour that is not filled, because its type or number of points says that it encloses nothing.

    Attributes:
        kind: Its ContourGeometricType, such as POINT or OPEN_PLANAR; for a closed one, how few points it has.
        points: Shape (N, 3), in the patient's coordinates.
    """

    kind: str
    points: Floats


@dataclass(frozen=True)
class RegionContours:
    """The contours of one region of interest.

    Attributes:
        closed: Contours that are filled, each an array of points (N, 3) in the patient's coordinates.
        exclusive: Which of them are combined by exclusive or.
        unused: Contours that enclose nothing.
        n_untyped: How many closed contours have no type.
        references: The references of these contours.
    """

    closed: tuple[Floats, ...]
    exclusive: tuple[bool, ...]
    unused: tuple[UnusedContour, ...]
    n_untyped: int
    references: References


@dataclass(frozen=True)
class StructureSet:
    """The contents of an RTSTRUCT file.

    Attributes:
        references: The references of the whole file.
        regions: Contours of each region of interest by its name. Regions of the same name are numbered: ``GTV [1]``,
            ``GTV [2]``.
        version: Date and approval of the file.
    """

    references: References
    regions: Mapping[str, RegionContours]
    version: Version

    @cached_property
    def contours(self) -> Mapping[str, tuple[Floats, ...]]:
        """Closed contours of each region by its name."""
        return {name: region.closed for name, region in self.regions.items()}

    @property
    def names(self) -> Sequence[str]:
        """Names of the regions, each once."""
        return list(self.regions)

    def points(self, name: str) -> Sequence[Floats]:
        """Return the closed contours of a region."""
        return self.regions[name].closed

    def is_blank(self, name: str) -> bool:
        """Tell whether nothing at all is drawn in a region."""
        region = self.regions[name]
        return not region.closed and not region.unused

    def references_of(self, names: Sequence[str]) -> References:
        """Return the references of some regions: their own images, and what the file states for all regions."""
        own = [self.regions[name].references for name in names]
        frames = frozenset[str]().union(*(each.frames_of_reference for each in own))
        return References(
            self.references.study,
            self.references.series,
            frozenset[str]().union(*(each.instances for each in own)),
            self.references.listed,
            frames or self.references.frames_of_reference,
        )


def read_structures(file: Path) -> StructureSet:
    """Read an RTSTRUCT file; references to images may be missing, blank or outdated.

    Raises:
        UserError: When it is unreadable or is none, or a contour is damaged. The text leaves out the file's name, which
            may be the patient's.
    """
    try:
        return _parsed(pydicom.dcmread(file, force=True))
    except UserError:
        raise
    except Exception as fault:  # a damaged file can raise any error, and the message may contain patient data
        raise UserError(f"the structure set cannot be read ({type(fault).__name__})") from None


def _parsed(content: pydicom.Dataset) -> StructureSet:
    if content.get("SOPClassUID") != RTSTRUCT:
        raise UserError("the file is not an RTSTRUCT")
    items = content.get("StructureSetROISequence") or ()
    numbers = [item.get("ROINumber") for item in items]
    if len(set(numbers)) < len(numbers):
        raise UserError("several ROIs have the same ROINumber, so the contours cannot be assigned")
    names = numbered({item.get("ROINumber"): _name(item) for item in items})
    frames = {names[item.get("ROINumber")]: _uids([item], "ReferencedFrameOfReferenceUID") for item in items}
    drawn: dict[str, list[pydicom.Dataset]] = {name: [] for name in names.values()}
    for region in content.get("ROIContourSequence") or ():
        name = names.get(region.get("ReferencedROINumber"))
        if name is None:  # the number comes after the contours, so it is missing in a truncated file
            raise UserError("some contours belong to no ROI: the structure set is damaged")
        drawn[name] += region.get("ContourSequence") or ()
    regions = {name: _region(name, contours, frames[name]) for name, contours in drawn.items()}
    return StructureSet(_references(content, regions.values()), regions, _version(content))


def _name(item: pydicom.Dataset) -> str:
    """A region's name; a backslash in it, which DICOM reads as two values, is part of it."""
    name = item.get("ROIName") or ""
    return ("\\".join(map(str, name)) if isinstance(name, MultiValue) else str(name)).strip()


def _region(name: str, contours: Sequence[pydicom.Dataset], frames: set[str]) -> RegionContours:
    closed, exclusive, unused = list[Floats](), list[bool](), list[UnusedContour]()
    seen, n_untyped, images = set[bytes](), 0, set[str]()
    for contour in contours:
        points, kind = _points(contour, name), str(contour.get("ContourGeometricType") or _NO_TYPE).strip().upper()
        images |= referenced_images(contour.get("ContourImageSequence"))
        if not len(points):
            continue
        if kind not in _CLOSED or len(points) < 3:
            few = "with one point" if len(points) == 1 else "with two points"
            unused.append(UnusedContour(few if kind in _CLOSED else kind, points))
            continue
        is_exclusive = kind == _EXCLUSIVE
        content = points.tobytes()
        if not is_exclusive and content in seen:  # a repeated contour
            continue
        seen.add(content)
        closed.append(points)
        exclusive.append(is_exclusive)
        n_untyped += kind == _NO_TYPE
    references = References("", frozenset(), frozenset(images), frozenset(), frozenset(frames))
    return RegionContours(tuple(closed), tuple(exclusive), tuple(unused), n_untyped, references)


def _references(content: pydicom.Dataset, regions: Iterable[RegionContours]) -> References:
    """Return the references of the whole file, from contours, regions and the list of referenced series."""
    series, listed = set[str](), set[str]()
    for frame in content.get("ReferencedFrameOfReferenceSequence") or ():
        for study in frame.get("RTReferencedStudySequence") or ():
            members = study.get("RTReferencedSeriesSequence") or ()
            series |= _uids(members, "SeriesInstanceUID")
            for member in members:
                listed |= referenced_images(member.get("ContourImageSequence"))
    frames = frozenset(_uids(content.get("ReferencedFrameOfReferenceSequence"), "FrameOfReferenceUID"))
    images = frozenset[str]()
    for region in regions:
        frames |= region.references.frames_of_reference
        images |= region.references.instances
    study_uid = str(content.get("StudyInstanceUID") or "")
    return References(study_uid, frozenset(series), images, frozenset(listed), frames)


def _version(content: pydicom.Dataset) -> Version:
    def text(keyword: str) -> str:
        return str(content.get(keyword) or "").strip()

    date, time = text("StructureSetDate"), text("StructureSetTime")
    if not date:
        date, time = text("InstanceCreationDate"), text("InstanceCreationTime")
    return Version(date, time, text("ApprovalStatus").upper())


def _uids(items: Iterable[pydicom.Dataset] | None, keyword: str) -> set[str]:
    """Return the values of an element in the items of a sequence, without blank ones."""
    return {str(item.get(keyword)) for item in items or () if item.get(keyword)}


def _points(contour: pydicom.Dataset, what: str) -> Floats:
    values = np.asarray([float(value) for value in contour.get("ContourData") or ()], dtype=np.float64)
    if values.size % 3 or not np.isfinite(values).all():
        raise UserError(f"{what}: a contour has {values.size} coordinates; expected three per point")
    return values.reshape(-1, 3)
