"""Planes of a segment put onto the voxels of a series that they share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nnunet_cscn.dicom.segments import Plane
from nnunet_cscn.nifti.grids import Grid

_OFF_VOXEL = 0.05  # how far centres may lie off those of the voxels, as a share of a voxel,
_ROUNDING_MM, _LARGEST_OFF = 0.1, 0.25  # or what rounding to one decimal does, up to this share


@dataclass(frozen=True)
class Placed:
    """A segment on the voxels of a series.

    Attributes:
        mask: Shape (slices, rows, columns).
        outside: Share of the segment's voxels that lie outside the images.
    """

    mask: NDArray[np.bool_]
    outside: float


def placed(planes: Sequence[Plane], grid: Grid, slice_spacing_mm: float = 0.0) -> Placed | None:
    """Return a segment on a grid whose voxels it shares, whatever the order of the axes; None where it shares them not.

    Args:
        planes: The frames in which the segment has pixels.
        grid: The series' grid.
        slice_spacing_mm: What the file says of the step between its planes; 0 where it says nothing.
    """
    inverse = np.asarray(np.linalg.inv(grid.affine()), np.float64)
    allowed = np.maximum(_OFF_VOXEL, np.minimum(_ROUNDING_MM / np.asarray(grid.spacing_mm), _LARGEST_OFF))
    mask = np.zeros(grid.shape[::-1], bool)
    n_outside = n_all = 0
    for plane in planes:
        if not _has_same_steps(plane, inverse, slice_spacing_mm):
            return None
        rows, columns = np.nonzero(plane.patch.pixels)
        points = plane.points(columns + plane.patch.column, rows + plane.patch.row)
        there = points @ inverse[:3, :3].T + inverse[:3, 3]
        indices = np.round(there).astype(np.intp)
        if (np.abs(there - indices) > allowed).any():
            return None
        inside = ((indices >= 0) & (indices < np.array(grid.shape))).all(axis=1)
        x, y, z = indices[inside].T
        mask[z, y, x] = True
        n_all, n_outside = n_all + len(indices), n_outside + int(np.count_nonzero(~inside))
    return Placed(mask, n_outside / n_all if n_all else 0.0)


def _has_same_steps(plane: Plane, inverse: NDArray[np.float64], slice_spacing_mm: float) -> bool:
    """Whether steps along rows, columns and slices are those of the grid."""
    row_step, column_step = plane.frame.pixel_spacing_mm
    normal = np.cross(plane.frame.along, plane.frame.down)
    steps = np.stack([column_step * plane.frame.along, row_step * plane.frame.down, slice_spacing_mm * normal])
    there = np.abs(steps @ inverse[:3, :3].T)
    axes = there.argmax(axis=1)
    n_checked = 3 if slice_spacing_mm else 2
    is_unit = np.abs(there[np.arange(3), axes] - 1)[:n_checked] <= _OFF_VOXEL
    return bool(is_unit.all()) and len(set(axes[:n_checked].tolist())) == n_checked
