"""Volumes in standard orientation, and slices in the radiological convention."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from nnunet_cscn.formats.reading import SHOWN_IMAGES
from nnunet_cscn.formats.volume import VolumeReader
from nnunet_cscn.nifti.grids import Grid
from nnunet_cscn.nifti.writing import itk_image

VIEWS = ("axial", "coronal", "sagittal")


@dataclass(frozen=True)
class OrientedVolume:
    """A volume whose axes point from inferior to superior, from anterior to posterior, and from right to left.

    Attributes:
        voxels: Shape (Z, Y, X).
        spacing_mm: Size of a voxel along (Z, Y, X).
    """

    voxels: NDArray[Any]
    spacing_mm: tuple[float, float, float]


def read_oriented(file: Path, *, grid: Grid | None = None, reader: VolumeReader = SHOWN_IMAGES) -> OrientedVolume:
    """Read a volume and bring it to the nearest standard orientation, without resampling.

    Args:
        file: The volume.
        grid: The grid of the voxels. With one grid, all files of a case get the same orientation, even if their grids
            differ by rounding errors or by the order of the axes. None for the grid of the file.
        reader: Reads the file.

    Raises:
        UserError: When the file is not a complete three-dimensional volume.
    """
    volume = reader.read(file)
    grid = grid if grid is not None else volume.grid
    reordered = volume.on(grid)
    voxels = volume.voxels if reordered is None else reordered
    turned = sitk.DICOMOrient(itk_image(voxels, grid), "LPS")
    x, y, z = turned.GetSpacing()
    return OrientedVolume(sitk.GetArrayFromImage(turned), (z, y, x))


def grey_range(voxels: NDArray[Any]) -> tuple[float, float]:
    """Return the intensities to show as black and as white: percentiles 0.5 and 99.5 of the finite values.

    Example:
        >>> grey_range(np.array([np.nan, 5.0, 5.0]))
        (5.0, 5.000001)
    """
    finite = voxels[np.isfinite(voxels)]
    low, high = np.percentile(finite, (0.5, 99.5)) if finite.size else (0.0, 1.0)
    return float(low), float(max(high, low + 1e-6))


def view_slice(volume: NDArray[Any], normal: int, index: int) -> NDArray[Any]:
    """Return a slice with rows from top to bottom.

    The patient's right (sagittal: front) is on the left; the head (axial: front) is up.

    Args:
        volume: Shape (Z, Y, X), oriented.
        normal: The axis perpendicular to the slice: 0 for axial, 1 for coronal, 2 for sagittal.
        index: Index of the slice.
    """
    cut: NDArray[Any] = np.take(volume, index, axis=normal)
    return cut if normal == 0 else cut[::-1]


def view_axes(values: Sequence[float], normal: int) -> tuple[float, float]:
    """Select from three values for (Z, Y, X) those of the rows and columns of a slice.

    Example:
        >>> view_axes((3.0, 1.0, 0.5), normal=1)
        (3.0, 0.5)
    """
    rows, columns = (value for axis, value in enumerate(values) if axis != normal)
    return rows, columns


def largest_slices(mask: NDArray[np.bool_]) -> tuple[int, ...]:
    """Return, for each axis, the slice with the largest area of the mask. For an empty mask: the middle of the volume.

    Unlike the centre of the mask, this slice always contains a part of the mask. If several slices have the same area,
    the middle one is returned.
    """
    if not mask.any():
        return tuple(edge // 2 for edge in mask.shape)
    areas = [np.count_nonzero(mask, axis=tuple(other for other in range(3) if other != axis)) for axis in range(3)]
    largest = [np.flatnonzero(area == area.max()) for area in areas]
    return tuple(int(indices[len(indices) // 2]) for indices in largest)
