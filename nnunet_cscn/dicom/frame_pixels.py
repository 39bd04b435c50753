"""Read the voxels of multi-frame (enhanced) images with the rescaling of each frame."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import pydicom
import SimpleITK as sitk
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.pixels import get_decoder
from pydicom.uid import ExplicitVRLittleEndian, MultiFrameGrayscaleWordSecondaryCaptureImageStorage

from nnunet_cscn.errors import UserError
from nnunet_cscn.nifti.itk_path import itk_path

_RESCALING = "PixelValueTransformationSequence"
_PIXELS = (
    *("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "NumberOfFrames", "Rows", "Columns"),
    *("SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "BitsAllocated", "BitsStored", "HighBit"),
    *("PixelRepresentation", "PixelData", "FloatPixelData", "DoubleFloatPixelData", "ExtendedOffsetTable"),
    *("ExtendedOffsetTableLengths", "RescaleSlope", "RescaleIntercept"),
)


def read_frames(file: Path, frames: Sequence[int]) -> NDArray[Any]:
    """Read frames of a multi-frame image, each with its own rescaling.

    Args:
        file: The multi-frame image.
        frames: Numbers of the frames, counted from 1.

    Returns:
        Shape (frames, rows, columns), float64. Colour images have a further axis.

    Raises:
        UserError: When the pixel data are truncated or in a format that cannot be read.
    """
    content = _pixels_only(pydicom.dcmread(file, force=True))
    if _is_short(content):
        raise UserError("the pixel data are truncated")
    if not _can_decode(content.file_meta):
        content = _decoded_by_itk(content)
    # highdicom gets only what it needs for the pixels, because it refuses the private dimensions of some scanners
    image = hd.Image.from_dataset(content, copy=False)
    pixels: NDArray[Any] = image.get_frames(
        list(frames), apply_real_world_transform=False, apply_presentation_lut=False, apply_icc_profile=False
    )
    return pixels


def as_integers(volume: NDArray[Any]) -> NDArray[Any]:
    """Return whole numbers in the smallest of the types int16, uint16 and int32 that holds them, others unchanged."""
    if not np.isfinite(volume).all() or not np.array_equal(volume, np.rint(volume)):
        return volume
    low, high = volume.min(), volume.max()
    for kind in (np.int16, np.uint16, np.int32):
        if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
            return volume.astype(kind)
    return volume


def _pixels_only(content: FileDataset) -> FileDataset:
    """The pixel data of a file, how they are stored, and how each frame is rescaled."""
    kept = FileDataset(None, {}, file_meta=content.file_meta, preamble=b"\0" * 128)
    for keyword in _PIXELS:
        if keyword in content:
            kept.add(content[keyword])
    kept.SharedFunctionalGroupsSequence = [
        _rescaling((content.get("SharedFunctionalGroupsSequence") or [Dataset()])[0])
    ]
    kept.PerFrameFunctionalGroupsSequence = [_rescaling(group) for group in content.PerFrameFunctionalGroupsSequence]
    return kept


def _rescaling(group: Dataset) -> Dataset:
    kept = Dataset()
    if _RESCALING in group:
        kept.add(group[_RESCALING])
    return kept


def _is_short(content: Dataset) -> bool:
    """Whether a file that is not compressed has fewer pixel data than its size needs."""
    syntax = content.file_meta.get("TransferSyntaxUID") if content.file_meta else None
    if "PixelData" not in content or (syntax is not None and syntax.is_encapsulated):
        return False
    n_values = int(content.NumberOfFrames) * content.Rows * content.Columns * int(content.get("SamplesPerPixel") or 1)
    return bool(len(content.PixelData) < n_values * int(content.BitsAllocated) // 8)


def _can_decode(meta: Dataset) -> bool:
    """Whether pydicom can decode a transfer syntax with the installed packages."""
    syntax = meta.get("TransferSyntaxUID")
    if syntax is None or not syntax.is_encapsulated:
        return True
    try:
        return bool(get_decoder(syntax).is_available)
    except NotImplementedError:
        return False


def _decoded_by_itk(content: FileDataset) -> FileDataset:
    """Decode the pixel data with ITK, which reads more formats, as a plain multi-frame image without rescaling."""
    plain = FileDataset(None, {}, file_meta=FileMetaDataset(), preamble=b"\0" * 128)
    groups = {keyword: content[keyword] for keyword in content.dir() if "FunctionalGroups" in keyword}
    for element in content:
        if element.keyword not in (*groups, "RescaleSlope", "RescaleIntercept"):
            plain.add(element)
    plain.file_meta.TransferSyntaxUID = content.file_meta.TransferSyntaxUID
    plain.SOPClassUID = plain.file_meta.MediaStorageSOPClassUID = MultiFrameGrayscaleWordSecondaryCaptureImageStorage
    plain.file_meta.MediaStorageSOPInstanceUID = plain.SOPInstanceUID
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "frames.dcm"
        plain.save_as(file, enforce_file_format=True)
        reader = sitk.ImageFileReader()
        reader.SetImageIO("GDCMImageIO")
        with itk_path(file) as name:
            reader.SetFileName(name)
            stored: NDArray[Any] = sitk.GetArrayFromImage(reader.Execute())
    if stored.ndim != 3 or stored.itemsize * 8 != int(content.BitsAllocated):
        raise UserError("the pixel data have an unsupported format")
    content.PixelData = np.ascontiguousarray(stored, dtype=stored.dtype.newbyteorder("<")).tobytes()
    for keyword in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths"):
        content.pop(keyword, None)
    content.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return content
