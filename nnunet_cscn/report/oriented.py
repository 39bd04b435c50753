"""Volumes turned to one orientation, and slices of them as radiologists look at them."""

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
    """A volume whose axes run from inferior to superior, from anterior to posterior, from right to left.

    Attributes:
        voxels: Shape (Z, Y, X).
        spacing_mm: Size of a voxel along (Z, Y, X).
    """

    voxels: NDArray[Any]
    spacing_mm: tuple[float, float, float]


def read_oriented(file: Path, *, grid: Grid | None = None, reader: VolumeReader = SHOWN_IMAGES) -> OrientedVolume:
    """Read a volume and turn it to the nearest standard orientation, without resampling.

    Args:
        file: The volume.
        grid: Where its voxels lie, so that all files of a case are turned alike although their grids may differ by
            rounding or the order of their axes; None for what the file says.
        reader: What reads the file.

    Raises:
        UserError: When the file is not a whole volume of three dimensions.
    """
    volume = reader.read(file)
    grid = grid if grid is not None else volume.grid
    in_order = volume.on(grid)
    voxels = volume.voxels if in_order is None else in_order
    turned = sitk.DICOMOrient(itk_image(voxels, grid), "LPS")
    x, y, z = turned.GetSpacing()
    return OrientedVolume(sitk.GetArrayFromImage(turned), (z, y, x))


def grey_range(voxels: NDArray[Any]) -> tuple[float, float]:
    """Return the values shown as black and white: all but the outermost half percent, of those that are numbers.

    Example:
        >>> grey_range(np.array([np.nan, 5.0, 5.0]))
        (5.0, 5.000001)
    """
    finite = voxels[np.isfinite(voxels)]
    low, high = np.percentile(finite, (0.5, 99.5)) if finite.size else (0.0, 1.0)
    return float(low), float(max(high, low + 1e-6))


def plane(volume: NDArray[Any], normal: int, index: int) -> NDArray[Any]:
    """Return a slice with rows from top to bottom: the patient's right or front on the left, front or head up.

    Args:
        volume: Shape (Z, Y, X), oriented.
        normal: The axis that is cut: 0 for the axial view, 1 for the coronal, 2 for the sagittal one.
        index: Where.
    """
    cut: NDArray[Any] = np.take(volume, index, axis=normal)
    return cut if normal == 0 else cut[::-1]


def plane_axes(values: Sequence[float], normal: int) -> tuple[float, float]:
    """Return what belongs to the rows and to the columns of a slice, of three values for (Z, Y, X).

    Example:
        >>> plane_axes((3.0, 1.0, 0.5), normal=1)
        (3.0, 0.5)
    """
    rows, columns = (value for axis, value in enumerate(values) if axis != normal)
    return rows, columns


def centre(mask: NDArray[np.bool_]) -> tuple[int, ...]:
    """Return, for each axis, the slice in which most of a mask lies; the volume's middle where it is empty.

    Unlike the mask's own middle, that slice always holds some of it. Of several equal ones the middle one is taken.
    """
    if not mask.any():
        return tuple(edge // 2 for edge in mask.shape)
    areas = [np.count_nonzero(mask, axis=tuple(other for other in range(3) if other != axis)) for axis in range(3)]
    largest = [np.flatnonzero(area == area.max()) for area in areas]
    return tuple(int(indices[len(indices) // 2]) for indices in largest)
