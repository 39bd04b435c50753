"""The voxels of a series."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import SimpleITK as sitk
from numpy.typing import NDArray
from pydicom.uid import UID

from nnunet_cscn.dicom.series import ImageSeries
from nnunet_cscn.errors import UserError
from nnunet_cscn.nifti.itk_path import itk_path


def read_pixels(series: ImageSeries) -> NDArray[Any]:
    """Read the values of a series, rescaled as each slice says, such as to Hounsfield units.

    ITK unpacks all common transfer syntaxes. Integers stay integers; fractions are float32 where that loses nothing.

    Args:
        series: Slices of one volume.

    Returns:
        Shape (slices, rows, columns).

    Raises:
        UserError: When a slice cannot be read, is cut off, is coloured, or has another size than its header says.
    """
    slices = []
    for number, file in enumerate(series.files, start=1):
        try:
            pixels = _pixels(file, *series.stack.shape[1:])
        except UserError as fault:
            raise UserError(f"slice {number}: {fault}") from None
        except Exception:  # a damaged file may lead to anything, and its text may quote the patient
            raise UserError(
                f"slice {number}: the pixel data cannot be read; they are damaged or have an unsupported format"
            ) from None
        if pixels.shape != (1, *series.stack.shape[1:]):
            raise UserError(f"slice {number}: expected one value per pixel, got shape {pixels.shape}")
        slices.append(pixels[0])
    volume = np.stack(slices)
    if volume.dtype == np.float64 and np.array_equal(volume, volume.astype(np.float32), equal_nan=True):
        return volume.astype(np.float32)
    return volume


def _pixels(file: Path, rows: int, columns: int) -> NDArray[Any]:
    if _is_short(file, rows, columns):
        raise UserError("the pixel data are truncated")
    reader = sitk.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")  # which also reads files without DICOM's mark, if it is asked to
    with itk_path(file) as name:
        reader.SetFileName(name)
        pixels: NDArray[Any] = sitk.GetArrayFromImage(reader.Execute())
    return pixels


def _is_short(file: Path, rows: int, columns: int) -> bool:
    """Whether a file that is not compressed has fewer bytes of pixels than it should; ITK would make values up."""
    content = pydicom.dcmread(file, force=True, specific_tags=["BitsAllocated", "SamplesPerPixel", "PixelData"])
    syntax = content.file_meta.get("TransferSyntaxUID") if hasattr(content, "file_meta") else None
    if syntax is not None and UID(syntax).is_encapsulated:
        return False
    n_bits = int(content.get("BitsAllocated") or 0) * int(content.get("SamplesPerPixel") or 1)
    return len(content.get("PixelData") or b"") < rows * columns * n_bits // 8
