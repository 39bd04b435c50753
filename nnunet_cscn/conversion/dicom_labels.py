"""Label maps from regions that were drawn on a DICOM series."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nnunet_cscn.conversion.layered_labels import layered_labels
from nnunet_cscn.conversion.source_volumes import mask_on_grid
from nnunet_cscn.dicom.drawing import Drawing
from nnunet_cscn.dicom.rasterise import rasterise
from nnunet_cscn.dicom.roi_names import choose_roi, single_roi
from nnunet_cscn.dicom.segments import Segments
from nnunet_cscn.dicom.series import ImageSeries
from nnunet_cscn.dicom.structures import StructureSet
from nnunet_cscn.errors import UserError
from nnunet_cscn.formats.volume import Volume


@dataclass(frozen=True)
class Region:
    """One label of the data set: its name, its value, and which region of interest it comes from."""

    label: str
    value: int
    wanted: str


@dataclass(frozen=True)
class LabelMap:
    """Labels on the voxels of a series.

    Attributes:
        voxels: Shape (slices, rows, columns).
        regions: Which regions of interest each label was made of.
        notes: What had to be changed.
    """

    voxels: NDArray[np.uint8]
    regions: dict[str, str]
    notes: tuple[str, ...]


def label_map(
    drawing: Drawing, series: ImageSeries, regions: Sequence[Region], *, merge: bool = False, resample: bool = False
) -> LabelMap:
    """Fill the regions of interest that the labels mean.

    Args:
        drawing: The regions of interest.
        series: The series that they were drawn on.
        regions: The labels; where two overlap, the later one is on top.
        merge: Whether several regions of interest that fit one label become one.
        resample: Whether segments on another grid are resampled.

    Raises:
        UserError: When no region fits a label, several do and they are not to be merged, nothing is drawn in one, one
            is hidden by others, or a segment lies on another grid.
    """
    used, notes = dict[str, str](), list[str]()

    def masks() -> Iterator[tuple[str, int, NDArray[np.bool_]]]:
        for region in regions:
            chosen = choose_roi(region.wanted, drawing.names) if merge else []
            chosen = chosen or [single_roi(region.wanted, drawing.names)]
            joined = np.zeros(series.stack.shape, np.bool_)
            for name in chosen:
                mask, note = _mask(drawing, name, series, resample=resample)
                joined |= mask
                notes.append(note)
            if not joined.any():
                raise UserError(f"{', '.join(chosen)}: the ROI has no contours")
            used[region.label] = " + ".join(chosen)
            yield region.label, region.value, joined

    voxels, covered = layered_labels(series.stack.shape, masks())
    return LabelMap(voxels, used, tuple(filter(None, [*notes, *covered])))


def _mask(drawing: Drawing, name: str, series: ImageSeries, *, resample: bool) -> tuple[NDArray[np.bool_], str]:
    """A region on the voxels of the series, and a note when it was resampled."""
    if isinstance(drawing, StructureSet):
        contours = drawing.contours[name]
        mask = rasterise(contours, series.stack)
        if contours and not mask.any():
            raise UserError(f"{name}: the contours contain no voxel centre; they are too small for this image")
        return mask, ""
    if isinstance(drawing, Segments):
        stored = Volume(*drawing.mask(name))
        return mask_on_grid(stored, series.stack.grid(), name, resample=resample, may_be_part=True)
    raise TypeError(f"{type(drawing).__name__}: neither contours nor segments")
