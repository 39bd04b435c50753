"""RTSTRUCT files: the regions of interest and their contours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom

from nnunet_cscn.dicom.drawing import References, numbered
from nnunet_cscn.dicom.stack import Floats
from nnunet_cscn.errors import UserError

RTSTRUCT = "1.2.840.10008.5.1.4.1.1.481.3"
_CLOSED = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR", "")  # a blank type is taken for what structure sets hold


@dataclass(frozen=True)
class StructureSet:
    """The contents of an RTSTRUCT file.

    Attributes:
        references: What it says it was drawn on.
        contours: Contours of each region of interest by its name, each an array of points (N, 3) in the patient's
            coordinates. Regions of the same name are numbered: ``GTV [1]``, ``GTV [2]``.
    """

    references: References
    contours: Mapping[str, tuple[Floats, ...]]

    @property
    def names(self) -> Sequence[str]:
        """Names of the regions, each once."""
        return list(self.contours)

    def points(self, name: str) -> Sequence[Floats]:
        """Return the contours of a region."""
        return self.contours[name]


def read_structures(file: Path) -> StructureSet:
    """Read an RTSTRUCT file; references to images may be missing, blank or stale.

    Raises:
        UserError: When it is unreadable or is none, or a contour is damaged. The text leaves out the file's name, which
            may be the patient's.
    """
    try:
        return _parsed(pydicom.dcmread(file, force=True))
    except UserError:
        raise
    except Exception as fault:  # a damaged file may lead to anything, and its text may quote the patient
        raise UserError(f"the structure set cannot be read ({type(fault).__name__})") from None


def _parsed(content: pydicom.Dataset) -> StructureSet:
    if content.get("SOPClassUID") != RTSTRUCT:
        raise UserError("the file is not an RTSTRUCT")
    regions = content.get("StructureSetROISequence") or ()
    numbers = [item.get("ROINumber") for item in regions]
    if len(set(numbers)) < len(numbers):
        raise UserError("several ROIs have the same ROINumber, so the contours cannot be assigned")
    names = numbered({item.get("ROINumber"): str(item.get("ROIName") or "").strip() for item in regions})
    contours: dict[str, list[Floats]] = {name: [] for name in names.values()}
    for region in content.get("ROIContourSequence") or ():
        name = names.get(region.get("ReferencedROINumber"))
        if name is None:  # the number stands behind the contours, so a file that is cut off lacks it
            raise UserError("some contours belong to no ROI: the structure set is damaged")
        for contour in region.get("ContourSequence") or ():
            if str(contour.get("ContourGeometricType") or "") in _CLOSED:
                contours[name].append(_points(contour, name))
    return StructureSet(_references(content), {name: _different(found) for name, found in contours.items()})


def _references(content: pydicom.Dataset) -> References:
    """What the file names, in its three places: contours, regions, and the list of what was referenced."""
    frames, series, images, listed = set[str](), set[str](), set[str](), set[str]()
    for region in content.get("ROIContourSequence") or ():
        for contour in region.get("ContourSequence") or ():
            images |= _uids(contour.get("ContourImageSequence"), "ReferencedSOPInstanceUID")
    for frame in content.get("ReferencedFrameOfReferenceSequence") or ():
        for study in frame.get("RTReferencedStudySequence") or ():
            members = study.get("RTReferencedSeriesSequence") or ()
            series |= _uids(members, "SeriesInstanceUID")
            for member in members:
                listed |= _uids(member.get("ContourImageSequence"), "ReferencedSOPInstanceUID")
    frames |= _uids(content.get("ReferencedFrameOfReferenceSequence"), "FrameOfReferenceUID")
    frames |= _uids(content.get("StructureSetROISequence"), "ReferencedFrameOfReferenceUID")
    study_uid = str(content.get("StudyInstanceUID") or "")
    return References(study_uid, frozenset(series), frozenset(images), frozenset(listed), frozenset(frames))


def _uids(items: Iterable[pydicom.Dataset] | None, keyword: str) -> set[str]:
    """The values of an element in the items of a sequence, those that are not blank."""
    return {str(item.get(keyword)) for item in items or () if item.get(keyword)}


def _points(contour: pydicom.Dataset, what: str) -> Floats:
    values = np.asarray([float(value) for value in contour.get("ContourData") or ()], dtype=np.float64)
    if values.size % 3 or not np.isfinite(values).all():
        raise UserError(f"{what}: a contour has {values.size} coordinates; expected three per point")
    return values.reshape(-1, 3)


def _different(contours: Sequence[Floats]) -> tuple[Floats, ...]:
    """Leave out copies of a contour and what is none: by the even-odd rule two copies would cancel each other."""
    unique = {contour.tobytes(): contour for contour in contours if len(contour) > 2}
    return tuple(unique.values())
