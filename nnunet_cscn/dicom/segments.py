"""DICOM segmentations (SEG): their segments, each a mask on a grid of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
from numpy.typing import NDArray

from nnunet_cscn.dicom.drawing import References, numbered
from nnunet_cscn.dicom.stack import Floats
from nnunet_cscn.errors import UserError
from nnunet_cscn.nifti.grids import Grid

SEG = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")  # binary or fractional, and label map
_HALF = 0.5  # share from which on a fractional segment holds a voxel


@dataclass(frozen=True)
class Segments:
    """The contents of a SEG file.

    Attributes:
        references: What it says it was drawn on.
        numbers: Number of each segment by its name.
        content: The file.
    """

    references: References
    numbers: Mapping[str, int]
    content: hd.seg.Segmentation

    @property
    def names(self) -> Sequence[str]:
        """Names of the segments, each once."""
        return list(self.numbers)

    def points(self, name: str) -> Sequence[Floats]:
        """Return the corners of the box around a segment on each of its slices, shape (4, 3), in mm."""
        mask, grid = self.mask(name)
        affine = grid.affine()
        boxes = []
        for index in np.flatnonzero(mask.any(axis=(1, 2))):
            rows, columns = np.nonzero(mask[index])
            corners = [(x, y, index) for y in (rows.min(), rows.max()) for x in (columns.min(), columns.max())]
            boxes.append(np.asarray(corners, np.float64) @ affine[:3, :3].T + affine[:3, 3])
        return boxes

    def mask(self, name: str) -> tuple[NDArray[np.bool_], Grid]:
        """Return a segment, shape (slices, rows, columns), and its grid, which may have fewer slices than the images.

        Raises:
            UserError: When its frames cannot be read or make no volume.
        """
        try:
            volume = self.content.get_volume(segment_numbers=[self.numbers[name]], combine_segments=False)
        except Exception as fault:  # whatever an odd file leads to; the text may quote it
            raise UserError(f"{name}: the frames do not form a regular volume ({type(fault).__name__})") from None
        steps = np.asarray(volume.spacing[::-1], np.float64)  # of columns, rows and slices
        axes = volume.affine[:3, :3][:, ::-1] / steps
        grid = Grid(
            shape=tuple(int(count) for count in volume.spatial_shape[::-1]),
            spacing_mm=tuple(float(step) for step in steps),
            origin_mm=tuple(float(place) for place in volume.affine[:3, 3]),
            direction=tuple(float(cosine) for cosine in axes.ravel()),
        )
        mask: NDArray[np.bool_] = volume.array[..., 0] >= _HALF
        return mask, grid


def read_segments(file: Path) -> Segments:
    """Read a SEG file; references to images may be missing, blank or stale.

    Raises:
        UserError: When it cannot be read or is none. The text leaves out the file's name, which may be the patient's.
    """
    try:
        stored = pydicom.dcmread(file, force=True)
        if stored.get("SOPClassUID") not in SEG:
            raise UserError("the file is not a DICOM SEG")
        content = hd.seg.Segmentation.from_dataset(stored, copy=False)
        labels = {number: content.get_segment_description(number).segment_label for number in content.segment_numbers}
        names = numbered({number: str(label).strip() for number, label in labels.items()})
        return Segments(_references(stored), {name: number for number, name in names.items()}, content)
    except UserError:
        raise
    except Exception as fault:  # a damaged file may lead to anything, and its text may quote the patient
        raise UserError(f"the segmentation cannot be read ({type(fault).__name__})") from None


def _references(content: pydicom.Dataset) -> References:
    series = content.get("ReferencedSeriesSequence") or ()
    images = [image for item in series for image in item.get("ReferencedInstanceSequence") or ()]
    return References(
        study=str(content.get("StudyInstanceUID") or ""),
        series=frozenset(str(item.get("SeriesInstanceUID") or "") for item in series) - {""},
        instances=frozenset(str(image.get("ReferencedSOPInstanceUID") or "") for image in images) - {""},
        listed=frozenset(),
        frames_of_reference=frozenset({str(content.get("FrameOfReferenceUID") or "")}) - {""},
    )
