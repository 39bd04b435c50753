"""Write masks as an RTSTRUCT that references the series they belong to."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid
from pydicom.valuerep import format_number_as_ds

from nnunet_cscn import __version__
from nnunet_cscn.dicom.keyholes import join_holes
from nnunet_cscn.dicom.outlines import trace_outlines
from nnunet_cscn.dicom.patient_and_study import patient_and_study, series_number
from nnunet_cscn.dicom.series import ImageSeries
from nnunet_cscn.dicom.slice_datasets import elements_of, image_items, indices_by_series, sop_class
from nnunet_cscn.dicom.stack import Floats
from nnunet_cscn.dicom.structures import RTSTRUCT
from nnunet_cscn.files import replacing

COLOURS = ((255, 94, 94), (80, 200, 120), (70, 140, 255), (255, 190, 60), (190, 110, 230), (60, 200, 210))
LONGEST_VALUE = 65_534  # bytes of one element in explicit VR; a ragged contour with many holes may have more
STUDY_COMPONENT = "1.2.840.10008.3.1.2.3.1"
SERIES_OFFSET = 901
LONGEST_LABEL = 16  # characters of StructureSetLabel


def write_structures(
    file: Path,
    masks: Mapping[str, NDArray[np.bool_]],
    series: ImageSeries,
    *,
    label: str,
    now: datetime,
    name: str = "",
) -> tuple[str, ...]:
    """Write masks as closed contours along the edges of their voxels, so that the volume is theirs.

    The structure set is unapproved, and its regions are marked as made by a program. It is written in explicit VR,
    unless a contour is longer than that can hold.

    Args:
        file: The RTSTRUCT file, written whole or not at all.
        masks: A mask for each region by its name (TG-263's, such as GTVp), shape (slices, rows, columns).
        series: The series that the masks lie on.
        label: What the structure set is called, such as the model; cut to 16 characters.
        now: When it is written.
        name: Its longer name, at most 64 characters; empty for none.

    Returns:
        Notes on attributes of the images that could not be copied.

    Raises:
        ValueError: When a mask has another shape than the series.
    """
    for region_name, mask in masks.items():
        if mask.shape != series.stack.shape:
            raise ValueError(f"masks: {region_name} has shape {mask.shape}, expected the series' {series.stack.shape}")
    first = elements_of(series.files[0])
    taken = patient_and_study(first, texts=[*masks, label, name])
    content = _file(taken.elements, series_number(first, SERIES_OFFSET), now)
    content.StructureSetLabel = label[:LONGEST_LABEL].rstrip(" _-")
    if name:
        content.StructureSetName = name[:64].strip()
    content.StructureSetDate, content.StructureSetTime = f"{now:%Y%m%d}", f"{now:%H%M%S}"
    frame, is_long = frame_of(series), False
    content.FrameOfReferenceUID, content.PositionReferenceIndicator = frame, ""
    content.ReferencedFrameOfReferenceSequence = [_references(series, frame)]
    content.ApprovalStatus = "UNAPPROVED"
    content.StructureSetROISequence, content.ROIContourSequence, content.RTROIObservationsSequence = [], [], []
    image_class = sop_class(series)
    for number, ((region_name, mask), colour) in enumerate(zip(masks.items(), itertools.cycle(COLOURS)), start=1):
        content.StructureSetROISequence.append(_roi(number, region_name, frame))
        region = Dataset()
        region.ROIDisplayColor, region.ReferencedROINumber = list(colour), number
        if contours := _contours(mask, series, image_class):
            region.ContourSequence = contours
            is_long |= any(len("\\".join(map(str, contour.ContourData))) > LONGEST_VALUE for contour in contours)
        content.ROIContourSequence.append(region)
        content.RTROIObservationsSequence.append(_observation(number, region_name))
    if is_long:
        content.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    with replacing(file) as temporary:
        content.save_as(temporary, enforce_file_format=True)
    return taken.notes


def frame_of(series: ImageSeries) -> str:
    """Return the frame of reference of a series; where it is blank, a new one that is always the same."""
    return series.frame_of_reference or str(generate_uid(entropy_srcs=[series.uid, *series.instances]))


def contour_points(mask: NDArray[np.bool_], series: ImageSeries) -> list[tuple[int, Floats]]:
    """Return the contours of a mask: the slice of each, and its points in the patient's coordinates, shape (N, 3)."""
    found = []
    for index in np.flatnonzero(mask.any(axis=(1, 2))):
        for contour in join_holes(trace_outlines(mask[index])):
            found.append((int(index), series.stack.points_mm(contour[:, 0], contour[:, 1], int(index))))
    return found


def _contours(mask: NDArray[np.bool_], series: ImageSeries, image_class: str) -> list[Dataset]:
    made = []
    for number, (index, points) in enumerate(contour_points(mask, series), start=1):
        contour = Dataset()
        contour.ContourImageSequence = image_items(series, image_class, indices=[index])
        contour.ContourGeometricType = "CLOSED_PLANAR"
        contour.NumberOfContourPoints, contour.ContourNumber = len(points), number
        contour.ContourData = _decimal_strings(points.ravel())
        made.append(contour)
    return made


def _decimal_strings(values: Floats) -> list[str]:
    """Numbers as DICOM's decimal strings of at most 16 characters, as many digits as fit a thousandth of a mm."""
    return [format_number_as_ds(round(float(value), 4)) for value in values]


def _roi(number: int, name: str, frame: str) -> Dataset:
    roi = Dataset()
    roi.ROINumber, roi.ROIName, roi.ReferencedFrameOfReferenceUID = number, name, frame
    roi.ROIGenerationAlgorithm = "AUTOMATIC"
    return roi


def _observation(number: int, name: str) -> Dataset:
    observation = Dataset()
    observation.ObservationNumber = observation.ReferencedROINumber = number
    observation.ROIObservationLabel = name[:16]
    observation.RTROIInterpretedType = next((kind for kind in ("GTV", "CTV", "PTV") if name.startswith(kind)), "")
    observation.ROIInterpreter = ""
    return observation


def _references(series: ImageSeries, frame: str) -> Dataset:
    reference, study, members = Dataset(), Dataset(), list[Dataset]()
    image_class = sop_class(series)
    for uid, indices in indices_by_series(series).items():
        member = Dataset()
        member.SeriesInstanceUID = uid
        member.ContourImageSequence = image_items(series, image_class, indices=indices)
        members.append(member)
    study.ReferencedSOPClassUID, study.ReferencedSOPInstanceUID = STUDY_COMPONENT, series.study
    study.RTReferencedSeriesSequence = members
    reference.FrameOfReferenceUID, reference.RTReferencedStudySequence = frame, [study]
    return reference


def _file(taken: Dataset, number: int, now: datetime) -> FileDataset:
    """A structure set with the attributes of a patient and study, still without any region."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = RTSTRUCT, generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    content = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    content.update(taken)
    content.SOPClassUID, content.SOPInstanceUID = RTSTRUCT, meta.MediaStorageSOPInstanceUID
    content.Modality, content.SeriesInstanceUID = "RTSTRUCT", generate_uid()
    content.SeriesNumber, content.SeriesDescription = number, "Automatic segmentation (research)"
    content.OperatorsName, content.Manufacturer = "", "nnunet-cscn"
    content.ManufacturerModelName, content.SoftwareVersions = "nnunet-cscn", __version__
    content.InstanceCreationDate, content.InstanceCreationTime = f"{now:%Y%m%d}", f"{now:%H%M%S}"
    return content
