"""Read the voxels of a series."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import SimpleITK as sitk
from numpy.typing import NDArray
from pydicom.uid import UID

from nnunet_cscn.dicom.element_lengths import has_damaged_lengths
from nnunet_cscn.dicom.frame_pixels import as_integers, read_frames
from nnunet_cscn.dicom.series import ImageSeries
from nnunet_cscn.errors import UserError
from nnunet_cscn.nifti.itk_path import itk_path

_ONE_AT_A_TIME = threading.Lock()
"""Held while ITK's GDCM reads a file: it now and then ends the process when two threads read at once."""


def read_pixels(series: ImageSeries) -> NDArray[Any]:
    """Read the voxel values of a series with the rescaling of each slice, such as to Hounsfield units.

    ITK decodes files with one slice, highdicom multi-frame files. Integers stay integers. Fractions become float32 if
    that loses nothing.

    Args:
        series: Slices of one volume.

    Returns:
        Shape (slices, rows, columns).

    Raises:
        UserError: When a slice cannot be read, is truncated, is a colour image, or does not have the size in its
            header.
    """
    volume = as_integers(_frames(series)) if series.frames else np.stack(_slices(series))
    if volume.dtype == np.float64:
        with np.errstate(over="ignore"):  # then something is lost
            short = volume.astype(np.float32)
        if np.array_equal(volume, short, equal_nan=True):
            return short
    return volume


def _slices(series: ImageSeries) -> list[NDArray[Any]]:
    slices = []
    for number, file in enumerate(series.files, start=1):
        with _fault_names(f"slice {number}"):
            pixels = _pixels(file, *series.stack.shape[1:])
            _check_shape(pixels, (1, *series.stack.shape[1:]))
        slices.append(pixels[0])
    return slices


def _frames(series: ImageSeries) -> NDArray[Any]:
    """Voxels of multi-frame files, each of which may hold a part of the slices."""
    volume = np.zeros(series.stack.shape)
    for file in dict.fromkeys(series.files):
        indices = [index for index, each in enumerate(series.files) if each == file]
        with _fault_names("multi-frame image"):
            pixels = read_frames(file, [series.frames[index] for index in indices])
            _check_shape(pixels, (len(indices), *series.stack.shape[1:]))
        volume[indices] = pixels
    return volume


def _check_shape(pixels: NDArray[Any], shape: tuple[int, ...]) -> None:
    if pixels.shape != shape:
        raise UserError(f"expected one value per pixel and shape {shape}, got shape {pixels.shape}")


@contextlib.contextmanager
def _fault_names(what: str) -> Iterator[None]:
    """Put the name of what is read before the reason of a fault."""
    try:
        yield
    except UserError as fault:
        raise UserError(f"{what}: {fault}") from None
    except Exception:  # a damaged file can raise any exception, and its text may quote the patient
        raise UserError(
            f"{what}: the pixel data cannot be read; they are damaged or have an unsupported format"
        ) from None


def _pixels(file: Path, rows: int, columns: int) -> NDArray[Any]:
    if _is_short(file, rows, columns):
        raise UserError("the pixel data are truncated")
    reader = sitk.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")  # named here, it also reads files without the prefix DICM
    with itk_path(file) as name, _ONE_AT_A_TIME:
        reader.SetFileName(name)
        image = reader.Execute()
    pixels: NDArray[Any] = sitk.GetArrayFromImage(image)
    return pixels


def _is_short(file: Path, rows: int, columns: int) -> bool:
    """Whether a file that is not compressed has fewer pixel data than its size needs. ITK would invent the rest.

    A file is also too short if an element claims to be longer than the rest of it.
    """
    if has_damaged_lengths(file):
        return True
    content = pydicom.dcmread(file, force=True, specific_tags=["BitsAllocated", "SamplesPerPixel", "PixelData"])
    syntax = content.file_meta.get("TransferSyntaxUID") if hasattr(content, "file_meta") else None
    if syntax is not None and UID(syntax).is_encapsulated:
        return False
    n_bits = int(content.get("BitsAllocated") or 0) * int(content.get("SamplesPerPixel") or 1)
    return len(content.get("PixelData") or b"") < rows * columns * n_bits // 8
