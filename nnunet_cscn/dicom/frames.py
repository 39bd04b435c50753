"""Split multi-frame (enhanced) images into frames, each described like a file with one slice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pydicom
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import UID

from nnunet_cscn.dicom.headers import Header, texts_of
from nnunet_cscn.errors import UserError

SOURCE = "ConversionSourceInstanceUID"
"""Our own name for the SOPInstanceUID of the slice that a legacy converted frame was made from."""

_GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
_UNASSIGNED = ("UnassignedSharedConvertedAttributesSequence", "UnassignedPerFrameConvertedAttributesSequence")
# The functional groups of DICOM PS3.3 C.7.6.16 and C.8.13 in which enhanced images store what older images store at the
# top, by the element of the older images. Of several places, the first with a value counts.
_PLACES: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "ImagePositionPatient": (("PlanePositionSequence", "ImagePositionPatient"),),
    "ImageOrientationPatient": (("PlaneOrientationSequence", "ImageOrientationPatient"),),
    "PixelSpacing": (("PixelMeasuresSequence", "PixelSpacing"),),
    "StackID": (("FrameContentSequence", "StackID"),),
    "TemporalPositionIdentifier": (("FrameContentSequence", "TemporalPositionIndex"),),
    "AcquisitionNumber": (("FrameContentSequence", "FrameAcquisitionNumber"),),
    "AcquisitionTime": (("FrameContentSequence", "FrameAcquisitionDateTime"),),
    "EchoTime": (("MREchoSequence", "EffectiveEchoTime"),),
    "InversionTime": (("MRModifierSequence", "InversionTimes"),),
    "FlipAngle": (("MRTimingAndRelatedParametersSequence", "FlipAngle"),),
    "TriggerTime": (("CardiacSynchronizationSequence", "NominalCardiacTriggerDelayTime"),),
    "DiffusionBValue": (("MRDiffusionSequence", "DiffusionBValue"),),
    "DiffusionGradientOrientation": (
        ("MRDiffusionSequence", "DiffusionGradientDirectionSequence", "DiffusionGradientOrientation"),
        ("MRDiffusionSequence", "DiffusionDirectionality"),
    ),
    "VelocityEncodingDirection": (("MRVelocityEncodingSequence", "VelocityEncodingDirection"),),
    "ImageType": (
        ("MRImageFrameTypeSequence", "FrameType"),
        ("CTImageFrameTypeSequence", "FrameType"),
        ("PETFrameTypeSequence", "FrameType"),
    ),
    "ComplexImageComponent": (("MRImageFrameTypeSequence", "ComplexImageComponent"),),
    "ConvolutionKernel": (("CTReconstructionSequence", "ConvolutionKernel"),),
    SOURCE: (("ConversionSourceAttributesSequence", "ReferencedSOPInstanceUID"),),
}
# Looking up a tag is much faster than a keyword, and an image may have thousands of frames.
_SEQUENCES = {
    keyword: Tag(keyword) for keyword in (*_UNASSIGNED, *(path[0] for paths in _PLACES.values() for path in paths))
}


def is_multi_frame(header: Header) -> bool:
    """Tell whether a file stores its slices as frames. Enhanced images do so even for a single slice."""
    return (header.number("NumberOfFrames") or 1) > 1 or "Enhanced" in UID(header.text("SOPClassUID")).name


def frame_headers(header: Header) -> list[Header]:
    """Return a header for each frame of a multi-frame image.

    Elements of the functional groups get the names that they have in images with one slice per file, such as EchoTime.

    Args:
        header: The file's header.

    Raises:
        UserError: When the file has no description of its frames, or it cannot be read.
    """
    options: dict[str, Any] = {"stop_before_pixels": True, "specific_tags": list(_GROUPS), "force": True}
    try:
        content = pydicom.dcmread(header.file, **options)
        groups = content.get(_GROUPS[1]) or ()
        shared = {**header.elements, **_elements((content.get(_GROUPS[0]) or [Dataset()])[0])}
        frames = [
            Header(header.file, {**shared, **_elements(group)}, number) for number, group in enumerate(groups, start=1)
        ]
    except Exception as fault:  # a damaged file can raise any exception, and its text may quote the patient
        raise UserError(f"the description of the frames cannot be read ({type(fault).__name__})") from None
    if len(frames) != int(header.number("NumberOfFrames") or 1):
        raise UserError("a multi-frame image does not describe each frame: export the series as one file per slice")
    return frames


def _elements(group: Dataset) -> dict[str, tuple[str, ...]]:
    """The elements of one item of functional groups that have a value."""
    found = {}
    for keyword, paths in _PLACES.items():
        values = (texts_of(value) for value in _values(group, keyword, paths))
        if value := next(filter(None, values), ()):
            found[keyword] = value
    return found


def _values(group: Dataset, keyword: str, paths: tuple[tuple[str, ...], ...]) -> Iterator[object]:
    """The values at paths of sequences, then those that a legacy converted image keeps under the old keyword."""
    for path in paths:
        if _SEQUENCES[path[0]] not in group:
            continue
        inner: Dataset | None = group
        for sequence in path[:-1]:
            items = inner.get(sequence) if inner is not None else None
            inner = items[0] if items else None
        if inner is not None:
            yield inner.get(path[-1])
    for sequence in _UNASSIGNED:
        for item in (group.get(sequence) or ()) if _SEQUENCES[sequence] in group else ():
            yield item.get(keyword)
