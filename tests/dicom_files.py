"""DICOM series and structure sets made by hand, in any orientation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

MR = "1.2.840.10008.5.1.4.1.1.4"
RTSTRUCT = "1.2.840.10008.5.1.4.1.1.481.3"

AXIAL = (1, 0, 0, 0, 1, 0)
CORONAL = (1, 0, 0, 0, 0, -1)
SAGITTAL = (0, 1, 0, 0, 0, -1)


def oblique() -> tuple[float, ...]:
    """Two perpendicular unit vectors that no axis of the patient follows."""
    along = np.array([0.98, 0.17, 0.10])
    along /= np.linalg.norm(along)
    down = np.array([-0.18, 0.97, 0.12])
    down -= (down @ along) * along
    down /= np.linalg.norm(down)
    return (*along.tolist(), *down.tolist())


def write_series(
    folder: Path,
    voxels: np.ndarray,
    *,
    orientation: Sequence[float] = AXIAL,
    origin_mm: Sequence[float] = (-20.0, 10.0, 35.0),
    pixel_spacing_mm: Sequence[float] = (0.8, 1.1),
    slice_spacing_mm: float = 3.0,
    uid: str | None = None,
    frame_of_reference: str | None = None,
    patient: str = "Secret^Name-17",
    name: str = "{:03d}.dcm",
    shuffled: bool = True,
    **elements: object,
) -> list[FileDataset]:
    """Write a series of MR slices, `voxels` (slices, rows, columns); returns the data sets in their order."""
    uid, frame = uid or generate_uid(), frame_of_reference or generate_uid()
    normal = np.cross(orientation[:3], orientation[3:])
    study = elements.pop("StudyInstanceUID", None) or generate_uid()
    made = []
    for index, pixels in enumerate(voxels):
        content = _file(MR)
        content.PatientID, content.PatientName, content.StudyDate = patient, "Secret^Name", "20260102"
        content.StudyInstanceUID, content.SeriesInstanceUID, content.FrameOfReferenceUID = study, uid, frame
        content.Modality, content.ImageType = "MR", ["ORIGINAL", "PRIMARY"]
        content.ImageOrientationPatient = [f"{cosine:.12g}"[:16] for cosine in orientation]
        position = np.asarray(origin_mm) + index * slice_spacing_mm * normal
        content.ImagePositionPatient = [f"{value:.10g}"[:16] for value in position]
        content.PixelSpacing = list(pixel_spacing_mm)
        content.Rows, content.Columns = pixels.shape
        content.SamplesPerPixel, content.PhotometricInterpretation = 1, "MONOCHROME2"
        content.BitsAllocated = content.BitsStored = 16
        content.HighBit, content.PixelRepresentation = 15, int(np.issubdtype(pixels.dtype, np.signedinteger))
        content.PixelData = np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder("<")).tobytes()
        for keyword, value in elements.items():
            setattr(content, keyword, value[index] if isinstance(value, list) else value)
        made.append(content)
    order = np.random.default_rng(0).permutation(len(made)) if shuffled else range(len(made))
    folder.mkdir(parents=True, exist_ok=True)
    for number, index in enumerate(order):
        made[index].save_as(folder / name.format(number), enforce_file_format=True)
    return made


def write_structures(
    file: Path,
    contours: dict[str, list[np.ndarray]],
    *,
    slices: Sequence[Dataset] = (),
    patient: str = "Secret^Name-17",
) -> None:
    """Write an RTSTRUCT; with `slices` it references their series, otherwise nothing."""
    content = _file(RTSTRUCT)
    content.PatientID, content.Modality = patient, "RTSTRUCT"
    content.StudyInstanceUID, content.SeriesInstanceUID = slices[0].StudyInstanceUID if slices else "", generate_uid()
    if slices:
        frame, study, series = Dataset(), Dataset(), Dataset()
        series.SeriesInstanceUID = slices[0].SeriesInstanceUID
        study.RTReferencedSeriesSequence = [series]
        frame.FrameOfReferenceUID = slices[0].FrameOfReferenceUID
        frame.RTReferencedStudySequence = [study]
        content.ReferencedFrameOfReferenceSequence = [frame]
    content.StructureSetROISequence, content.ROIContourSequence = [], []
    for number, (name, drawn) in enumerate(contours.items(), start=1):
        roi, region = Dataset(), Dataset()
        roi.ROINumber = region.ReferencedROINumber = number
        roi.ROIName, region.ContourSequence = name, []
        for points in drawn:
            contour = Dataset()
            contour.ContourGeometricType = "CLOSED_PLANAR"
            contour.NumberOfContourPoints = len(points)
            contour.ContourData = [f"{value:.9g}"[:16] for value in np.asarray(points).ravel()]
            region.ContourSequence.append(contour)
        content.StructureSetROISequence.append(roi)
        content.ROIContourSequence.append(region)
    file.parent.mkdir(parents=True, exist_ok=True)
    content.save_as(file, enforce_file_format=True)


def _file(sop_class: str) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = sop_class, generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    content = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    content.SOPClassUID, content.SOPInstanceUID = sop_class, meta.MediaStorageSOPInstanceUID
    return content
