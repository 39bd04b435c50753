"""The frames of a DICOM segmentation: where each lies, which segment it holds, and its pixels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.pixels import pixel_array
from pydicom.uid import UID

from nnunet_cscn.dicom.image_references import referenced_images
from nnunet_cscn.dicom.stack import PARALLEL, Floats, checked_directions
from nnunet_cscn.errors import UserError

_HALF = 0.5  # share from which on a fractional segment holds a voxel


@dataclass(frozen=True)
class Frame:
    """Position and segment of one frame.

    Attributes:
        index: Its number in the file, from 0.
        segment: Number of its segment; None in a label map, which holds all.
        position_mm: Centre of its first pixel.
        along: Unit vector along a row.
        down: Unit vector down a column.
        pixel_spacing_mm: Step from row to row and from column to column.
        sources: Names of the images or frames that it was drawn on, as ``image_references`` gives them.
    """

    index: int
    segment: int | None
    position_mm: Floats
    along: Floats
    down: Floats
    pixel_spacing_mm: tuple[float, float]
    sources: frozenset[str]

    def is_parallel(self, other: Frame) -> bool:
        """Tell whether two frames have the same orientation and spacing, but for rounding."""
        return (
            bool(np.abs(self.along - other.along).max() <= PARALLEL)
            and bool(np.abs(self.down - other.down).max() <= PARALLEL)
            and bool(np.allclose(self.pixel_spacing_mm, other.pixel_spacing_mm, rtol=1e-3))
        )


@dataclass(frozen=True)
class SegmentFrames:
    """All frames of a file.

    Attributes:
        frames: Where they lie.
        shape: Rows and columns of each.
        slice_spacing_mm: SpacingBetweenSlices; 0 where it is missing.
        slice_thickness_mm: SliceThickness; 0 where it is missing.
        content: The file.
    """

    frames: tuple[Frame, ...]
    shape: tuple[int, int]
    slice_spacing_mm: float
    slice_thickness_mm: float
    content: pydicom.Dataset

    def of_segment(self, number: int) -> list[Frame]:
        """Return the frames that may hold a segment."""
        return [frame for frame in self.frames if frame.segment in (None, number)]

    def pixels(self, frame: Frame, segment: int) -> NDArray[np.bool_]:
        """Return which pixels of a frame belong to a segment, shape (rows, columns).

        Raises:
            UserError: When the frame cannot be decoded.
        """
        try:
            values: NDArray[Any] = self._values(frame.index)
        except Exception as fault:  # whatever a damaged file leads to; the text may quote the patient
            raise UserError(
                f"frame {frame.index + 1} of the segmentation cannot be read: {type(fault).__name__}"
            ) from None
        mask: NDArray[np.bool_] = values > 0
        if frame.segment is None:
            mask = values == segment
        elif str(self.content.get("SegmentationType") or "").upper() == "FRACTIONAL":
            mask = values >= _HALF * float(self.content.get("MaximumFractionalValue") or 255)
        return mask

    def _values(self, index: int) -> NDArray[Any]:
        rows, columns = self.shape
        syntax = UID(str(self.content.file_meta.TransferSyntaxUID))
        if int(self.content.BitsAllocated) != 1 or syntax.is_encapsulated:
            decoded: NDArray[Any] = pixel_array(self.content, index=index).reshape(rows, columns)
            return decoded
        start, size = index * rows * columns, rows * columns  # frames of single bits begin anywhere in a byte
        stored = np.frombuffer(self.content.PixelData, np.uint8)[start // 8 : (start + size + 7) // 8]
        bits = np.unpackbits(stored, bitorder="little")[start % 8 : start % 8 + size]
        return bits.reshape(rows, columns)


def read_frames(content: pydicom.Dataset) -> SegmentFrames:
    """Find out where the frames of a segmentation lie.

    Args:
        content: The file.

    Raises:
        UserError: When frames have no position, no orientation or no segment, or pixels are cut off.
    """
    shape = int(content.Rows), int(content.Columns)
    count = int(content.get("NumberOfFrames") or 1)
    _refuse_cut_off(content, count)
    shared = (content.get("SharedFunctionalGroupsSequence") or [pydicom.Dataset()])[0]
    groups = list(content.get("PerFrameFunctionalGroupsSequence") or [pydicom.Dataset()] * count)
    if len(groups) != count:
        raise UserError(f"the segmentation has {count} frames but describes {len(groups)}")
    numbers = [int(item.SegmentNumber) for item in content.get("SegmentSequence") or ()]
    is_labelmap = str(content.get("SegmentationType") or "").upper() == "LABELMAP"
    only = numbers[0] if len(numbers) == 1 else None
    frames = []
    for index, group in enumerate(groups):
        frames.append(_frame(index, group, shared, only=only, is_labelmap=is_labelmap))
    measures = next(_items("PixelMeasuresSequence", groups[0], shared), pydicom.Dataset())
    return SegmentFrames(
        tuple(frames),
        shape,
        abs(float(measures.get("SpacingBetweenSlices") or 0)),
        float(measures.get("SliceThickness") or 0),
        content,
    )


def _frame(
    index: int, group: pydicom.Dataset, shared: pydicom.Dataset, *, only: int | None, is_labelmap: bool
) -> Frame:
    position = next(_items("PlanePositionSequence", group, shared), pydicom.Dataset()).get("ImagePositionPatient")
    cosines = next(_items("PlaneOrientationSequence", group, shared), pydicom.Dataset()).get("ImageOrientationPatient")
    spacing = next(_items("PixelMeasuresSequence", group, shared), pydicom.Dataset()).get("PixelSpacing")
    if position is None or cosines is None or spacing is None:
        raise UserError(f"frame {index + 1} of the segmentation has no position, orientation or pixel spacing")
    identity = next(_items("SegmentIdentificationSequence", group, shared), pydicom.Dataset())
    segment = identity.get("ReferencedSegmentNumber", only)
    if segment is None and not is_labelmap:
        raise UserError(f"frame {index + 1} of the segmentation does not say which segment it holds")
    along, down = checked_directions([float(cosine) for cosine in cosines])
    sources = {
        name
        for item in _items("DerivationImageSequence", group, shared)
        for name in referenced_images(item.get("SourceImageSequence"))
    }
    return Frame(
        index,
        None if is_labelmap else int(segment),
        np.array([float(value) for value in position]),
        along,
        down,
        (float(spacing[0]), float(spacing[1])),
        frozenset(sources),
    )


def _items(keyword: str, group: pydicom.Dataset, shared: pydicom.Dataset) -> Iterator[pydicom.Dataset]:
    """The items of a functional group, of the frame itself or shared by all frames."""
    yield from group.get(keyword) or shared.get(keyword) or ()


def _refuse_cut_off(content: pydicom.Dataset, count: int) -> None:
    syntax = content.file_meta.get("TransferSyntaxUID")
    if syntax is not None and UID(str(syntax)).is_encapsulated:
        return
    n_bits = count * int(content.Rows) * int(content.Columns) * int(content.BitsAllocated)
    if len(content.get("PixelData") or b"") < (n_bits + 7) // 8:
        raise UserError("the pixel data of the segmentation are truncated")
