"""Write masks as a DICOM segmentation (SEG) that references the series they belong to."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path

import highdicom as hd
import numpy as np
from highdicom.sr.coding import CodedConcept
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid

from nnunet_cscn import __version__
from nnunet_cscn.dicom.patient_and_study import UNICODE, patient_and_study, series_number
from nnunet_cscn.dicom.series import ImageSeries
from nnunet_cscn.dicom.slice_datasets import correct_references, slice_datasets
from nnunet_cscn.dicom.structure_writer import frame_of
from nnunet_cscn.errors import UserError
from nnunet_cscn.files import replacing

# What segments are, in SNOMED CT; TG-263's names tell them apart for people.
_CATEGORY = CodedConcept("49755003", "SCT", "Morphologically Altered Structure")
_TYPE = CodedConcept("108369006", "SCT", "Neoplasm")
_GEOMETRY = (
    "SOPClassUID",
    "SOPInstanceUID",
    "PositionReferenceIndicator",
    "ImagePositionPatient",
    "SliceThickness",
    "Rows",
    "Columns",
)
SERIES_OFFSET = 902


def write_segmentation(
    file: Path, masks: Mapping[str, NDArray[np.bool_]], series: ImageSeries, *, model: str = ""
) -> tuple[str, ...]:
    """Write one binary segment for each mask; empty slices are left out.

    Args:
        file: The SEG file, written whole or not at all.
        masks: A mask for each region by its name, shape (slices, rows, columns); one of them not empty.
        series: The series that the masks lie on.
        model: Name of the model, written as a parameter of the algorithm.

    Returns:
        Notes on attributes of the images that could not be copied.

    Raises:
        UserError: When all masks are empty, which a SEG can't say.
    """
    if not any(mask.any() for mask in masks.values()):
        raise UserError("the segmentation is empty: a DICOM SEG needs at least one voxel")
    algorithm = hd.AlgorithmIdentificationSequence(
        name="nnunet-cscn",
        version=__version__,
        family=codes.cid7162.ArtificialIntelligence,
        parameters={"model": model} if model else None,
    )
    segments = [
        hd.seg.SegmentDescription(
            segment_number=number,
            segment_label=name,
            segmented_property_category=_CATEGORY,
            segmented_property_type=_TYPE,
            algorithm_type=hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
            algorithm_identification=algorithm,
        )
        for number, name in enumerate(masks, start=1)
    ]
    headers = slice_datasets(series)
    taken = patient_and_study(headers[0], texts=[*masks, model])
    content = hd.seg.Segmentation(
        source_images=source_images(headers, taken.elements, series),
        pixel_array=np.stack(list(masks.values()), axis=-1).astype(np.uint8),
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=segments,
        series_instance_uid=generate_uid(),
        series_number=series_number(headers[0], SERIES_OFFSET),
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="nnunet-cscn",
        manufacturer_model_name="nnunet-cscn",
        software_versions=__version__,
        device_serial_number="none",
        series_description="Automatic segmentation (research)",
    )
    if "ContentCreatorName" not in content:  # PS3.3, table 10-12: it is there, and may be blank
        content.ContentCreatorName = ""
    content.update(taken.elements)  # the images' own character set: highdicom knows few of them
    correct_references(content, series)
    with replacing(file) as temporary:
        content.save_as(temporary)
    return taken.notes


def source_images(headers: Sequence[Dataset], taken: Dataset, series: ImageSeries) -> list[Dataset]:
    """Return what highdicom is told of the slices of a series: where they lie, and whose they are.

    Args:
        headers: The slices, from ``slice_datasets``.
        taken: Attributes of the patient and study, from ``patient_and_study``.
        series: The series.
    """
    return [_source(header, headers[0], taken, series) for header in headers]


def _source(header: Dataset, first: Dataset, taken: Dataset, series: ImageSeries) -> Dataset:
    """Return a header of a slice with only what highdicom needs: its other attributes may be invalid."""
    source = Dataset()
    for keyword in _GEOMETRY:
        if keyword in header:
            source[keyword] = header[keyword]
    source.update(copy.deepcopy(taken))
    source.SpecificCharacterSet = UNICODE
    source.SeriesInstanceUID = series.uid  # highdicom takes images of one series only
    source.Modality = series.modality or "OT"
    source.FrameOfReferenceUID = frame_of(series)
    source.ImageOrientationPatient = first.ImageOrientationPatient  # scanners round each slice's on its own
    source.PixelSpacing = first.PixelSpacing
    if not source.get("SliceThickness"):
        source.SliceThickness = series.stack.slice_spacing_mm
    return source
