"""Write masks as a DICOM segmentation (SEG) that references the series they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
from highdicom.sr.coding import CodedConcept
from numpy.typing import NDArray
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid

from nnunet_cscn import __version__
from nnunet_cscn.dicom.series import ImageSeries
from nnunet_cscn.dicom.slice_datasets import refer_to_frames, slice_datasets
from nnunet_cscn.dicom.structure_writer import PATIENT_TAGS, STUDY_TAGS, frame_of
from nnunet_cscn.errors import UserError
from nnunet_cscn.files import replacing

# What segments are, in SNOMED CT; TG-263's names tell them apart for people.
_CATEGORY = CodedConcept("49755003", "SCT", "Morphologically Altered Structure")
_TYPE = CodedConcept("108369006", "SCT", "Neoplasm")


def write_segmentation(file: Path, masks: Mapping[str, NDArray[np.bool_]], series: ImageSeries) -> None:
    """Write one binary segment for each mask; empty slices are left out.

    Args:
        file: The SEG file, written whole or not at all.
        masks: A mask for each region by its name, shape (slices, rows, columns); one of them not empty.
        series: The series that the masks lie on.

    Raises:
        UserError: When all masks are empty, which a SEG can't say.
    """
    if not any(mask.any() for mask in masks.values()):
        raise UserError("the segmentation is empty: a DICOM SEG needs at least one voxel")
    algorithm = hd.AlgorithmIdentificationSequence(
        name="nnunet-cscn", version=__version__, family=codes.cid7162.ArtificialIntelligence
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
    content = hd.seg.Segmentation(
        source_images=source_images(series),
        pixel_array=np.stack(list(masks.values()), axis=-1).astype(np.uint8),
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=segments,
        series_instance_uid=generate_uid(),
        series_number=1,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="nnunet-cscn",
        manufacturer_model_name="nnunet-cscn",
        software_versions=__version__,
        device_serial_number="none",
        series_description="Automatic segmentation (research)",
    )
    refer_to_frames(content, series)
    with replacing(file) as temporary:
        content.save_as(temporary)


def source_images(series: ImageSeries) -> list[pydicom.Dataset]:
    """Return the slices of a series, with blanks for elements that highdicom needs and archives leave out."""
    images = slice_datasets(series)
    frame, first = frame_of(series), images[0]
    for image in images:
        image.FrameOfReferenceUID = frame
        image.ImageOrientationPatient = first.ImageOrientationPatient  # scanners round each slice's on its own
        image.PixelSpacing = first.PixelSpacing
        if not image.get("SliceThickness"):
            image.SliceThickness = series.stack.slice_spacing_mm
        for keyword in (*PATIENT_TAGS, *STUDY_TAGS):
            if keyword not in image:
                setattr(image, keyword, "")
    return images
