"""Check and copy the files of one case without changing a voxel or the geometry."""

from __future__ import annotations

import filecmp
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK
from numpy.typing import NDArray

from nnunet_cscn.errors import UserError
from nnunet_cscn.files import replacing
from nnunet_cscn.nifti.grids import Grid, grid_differences, read_grid
from nnunet_cscn.nifti.voxels import read_voxels


@dataclass(frozen=True)
class LabelFile:
    """A label map of the source, checked.

    Attributes:
        path: The file.
        grid: Its geometry.
        voxels: Its values, shape (Z, Y, X), of any type.
    """

    path: Path
    grid: Grid
    voxels: NDArray[Any]

    @property
    def is_8_bit(self) -> bool:
        """Whether the file can be copied as it is."""
        return self.voxels.dtype == np.uint8


def check_image(path: Path) -> Grid:
    """Read an image whole and return its grid.

    Raises:
        UserError: When it can't be read, is truncated, or is no volume of one value a voxel.
    """
    grid = read_grid(path)
    read_voxels(path)
    return grid


def read_labels(path: Path, allowed: tuple[int, ...]) -> LabelFile:
    """Read a label map of whole numbers.

    Args:
        path: Voxels of any type.
        allowed: The values that may occur, each from 0 to 255.

    Raises:
        UserError: As ``check_image``, or when other values occur.
    """
    grid, voxels = read_grid(path), read_voxels(path)
    foreign = [f"{value:g}" for value in np.unique(voxels) if value not in allowed]
    if foreign:
        shown = ", ".join(foreign[:5]) + (", ..." if len(foreign) > 5 else "")
        raise UserError(f"labels hold the values {shown}; expected only {', '.join(map(str, allowed))}")
    return LabelFile(path, grid, voxels)


def copy_file(source: Path, target: Path) -> None:
    """Copy ``source`` byte by byte to ``target``, whole or not at all."""
    with replacing(target) as temporary:
        shutil.copyfile(source, temporary)


def is_copy(source: Path, target: Path) -> bool:
    """Tell whether ``target`` is there and holds the bytes of ``source``."""
    return target.exists() and filecmp.cmp(source, target, shallow=False)


def write_labels(labels: LabelFile, target: Path) -> None:
    """Write 8-bit labels to ``target``, whole or not at all: the file itself where it is of that type."""
    if labels.is_8_bit:
        copy_file(labels.path, target)
        return
    volume = SimpleITK.Cast(SimpleITK.ReadImage(str(labels.path)), SimpleITK.sitkUInt8)
    with replacing(target) as temporary:
        SimpleITK.WriteImage(volume, str(temporary), True)


def holds_labels(target: Path, labels: LabelFile) -> bool:
    """Tell whether ``target`` is there and holds ``labels`` as 8-bit integers on the same grid."""
    if not target.exists():
        return False
    try:
        grid, voxels = read_grid(target), read_voxels(target)
    except UserError:
        return False
    return (
        voxels.dtype == np.uint8
        and not grid_differences(grid, labels.grid, "the source")
        and np.array_equal(voxels, labels.voxels)
    )
