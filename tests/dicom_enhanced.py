"""Enhanced (multi-frame) images made by hand, frame by frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from dicom_files import AXIAL

ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4.1"
ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"


@dataclass
class Frame:
    """One frame: its pixels and position, and elements of functional groups as {sequence: {keyword: value}}."""

    pixels: np.ndarray
    position_mm: Sequence[float]
    groups: dict[str, dict[str, object]] = field(default_factory=dict)


def frames_of(
    voxels: np.ndarray,
    *,
    origin_mm: Sequence[float] = (-20.0, 10.0, 35.0),
    orientation: Sequence[float] = AXIAL,
    slice_spacing_mm: float = 3.0,
    **groups: dict[str, object],
) -> list[Frame]:
    """One frame for each slice of `voxels` (slices, rows, columns), in ascending order."""
    normal = np.cross(orientation[:3], orientation[3:])
    positions = [np.asarray(origin_mm) + index * slice_spacing_mm * normal for index in range(len(voxels))]
    return [Frame(pixels, position, dict(groups)) for pixels, position in zip(voxels, positions, strict=True)]


def write_enhanced(
    file: Path,
    frames: Sequence[Frame],
    *,
    orientation: Sequence[float] = AXIAL,
    pixel_spacing_mm: Sequence[float] = (0.8, 1.1),
    sop_class: str = ENHANCED_MR,
    shared: dict[str, dict[str, object]] | None = None,
    **elements: object,
) -> FileDataset:
    """Write frames as one enhanced image; further elements are set at the top."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = sop_class, generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    content = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    content.SOPClassUID, content.SOPInstanceUID = sop_class, meta.MediaStorageSOPInstanceUID
    content.PatientID, content.PatientName, content.StudyDate = "Secret^Name-17", "Secret^Name", "20260102"
    content.StudyInstanceUID, content.SeriesInstanceUID = generate_uid(), generate_uid()
    content.FrameOfReferenceUID, content.Modality = generate_uid(), "CT" if sop_class == ENHANCED_CT else "MR"
    content.ImageType = ["ORIGINAL", "PRIMARY", "MIXED", "NONE"]
    content.NumberOfFrames, (content.Rows, content.Columns) = len(frames), frames[0].pixels.shape
    content.SamplesPerPixel, content.PhotometricInterpretation = 1, "MONOCHROME2"
    content.BitsAllocated = content.BitsStored = 16
    kind = frames[0].pixels.dtype
    content.HighBit, content.PixelRepresentation = 15, int(np.issubdtype(kind, np.signedinteger))
    content.PixelData = np.stack([frame.pixels for frame in frames]).astype(kind.newbyteorder("<")).tobytes()
    together = {
        "PlaneOrientationSequence": {"ImageOrientationPatient": _texts(orientation)},
        "PixelMeasuresSequence": {"PixelSpacing": list(pixel_spacing_mm)},
        **(shared or {}),
    }
    content.SharedFunctionalGroupsSequence = [_group(together)]
    content.PerFrameFunctionalGroupsSequence = [
        _group(
            {
                "PlanePositionSequence": {"ImagePositionPatient": _texts(frame.position_mm)},
                **frame.groups,
            }
        )
        for frame in frames
    ]
    for keyword, value in elements.items():
        setattr(content, keyword, value)
    file.parent.mkdir(parents=True, exist_ok=True)
    content.save_as(file, enforce_file_format=True)
    return content


def _texts(values: Sequence[float]) -> list[str]:
    return [f"{value:.12g}"[:16] for value in values]


def _group(groups: dict[str, dict[str, object]]) -> Dataset:
    made = Dataset()
    for sequence, elements in groups.items():
        item = Dataset()
        for keyword, value in elements.items():
            setattr(item, keyword, value)
        setattr(made, sequence, [item])
    return made
