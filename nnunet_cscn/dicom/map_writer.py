"""Write a map of numbers as a DICOM parametric map that refers to the series it belongs to."""

from __future__ import annotations

from pathlib import Path

import highdicom as hd
import numpy as np
from numpy.typing import NDArray
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid

from nnunet_cscn import __version__
from nnunet_cscn.dicom.patient_and_study import patient_and_study, series_number
from nnunet_cscn.dicom.segmentation_writer import source_images
from nnunet_cscn.dicom.series import ImageSeries
from nnunet_cscn.dicom.slice_datasets import correct_references, slice_datasets
from nnunet_cscn.files import replacing

SERIES_OFFSET = 903


def write_map(
    file: Path, values: NDArray[np.float32], series: ImageSeries, *, name: str, explanation: str
) -> tuple[str, ...]:
    """Write a map of numbers from 0 to 1.

    Args:
        file: The file. It is written completely or not at all.
        values: The map on the grid of the series, shape (slices, rows, columns).
        series: The series.
        name: What the numbers are, at most 16 characters.
        explanation: The same in a sentence, at most 64 characters.

    Returns:
        Notes on attributes of the images that could not be taken over.
    """
    headers = slice_datasets(series)
    taken = patient_and_study(headers[0])
    mapping = hd.pm.RealWorldValueMapping(
        lut_label=name,
        lut_explanation=explanation,
        unit=codes.UCUM.NoUnits,
        value_range=(0.0, 1.0),
        slope=1.0,
        intercept=0.0,
    )
    content = hd.pm.ParametricMap(
        source_images=source_images(headers, taken.elements, series),
        pixel_array=np.ascontiguousarray(values, np.float32),
        series_instance_uid=generate_uid(),
        series_number=series_number(headers[0], SERIES_OFFSET),
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="nnunet-cscn",
        manufacturer_model_name="nnunet-cscn",
        software_versions=__version__,
        device_serial_number="none",
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[mapping],
        window_center=0.5,
        window_width=1.0,
        series_description="Uncertainty of an automatic segmentation (research)",
    )
    content.update(taken.elements)
    content.Laterality = ""  # PS3.3, table C.7-5a: it is there, and may be blank, where the body part is not stated
    correct_references(content, series)
    with replacing(file) as temporary:
        content.save_as(temporary)
    return taken.notes
