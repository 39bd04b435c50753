"""Write volumes, whole or not at all: the only place that does."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK
from numpy.typing import NDArray

from nnunet_cscn.errors import UserError
from nnunet_cscn.files import replacing
from nnunet_cscn.nifti.grids import Grid
from nnunet_cscn.nifti.voxels import ENDINGS, check_whole


def write_volume(file: Path, voxels: NDArray[Any], grid: Grid) -> None:
    """Write voxels on a grid, compressed.

    Args:
        file: The file, ``*.nii.gz``, ``*.nii`` or another ending that ITK knows. Its folder is created.
        voxels: Shape (Z, Y, X), in the order of the grid's axes.
        grid: Where the voxels lie.

    Raises:
        OSError: When it can't be written whole, as on a full disk.
        ValueError: When the shapes differ.
    """
    if voxels.shape != grid.shape[::-1]:
        raise ValueError(f"voxels: expected the grid's shape {grid.shape[::-1]}, got {voxels.shape}")
    write_image(file, itk_image(voxels, grid))


def write_image(file: Path, image: SimpleITK.Image) -> None:
    """Write an image of ITK's, compressed.

    Args:
        file: As in ``write_volume``.
        image: The image.

    Raises:
        OSError: As ``write_volume``.
    """
    with whole_volume(file) as temporary:
        SimpleITK.WriteImage(image, str(temporary), True)
        if not file.name.endswith(ENDINGS):  # these are checked as any NIfTI file is
            written = SimpleITK.GetArrayViewFromImage(SimpleITK.ReadImage(str(temporary)))
            if not np.array_equal(written, SimpleITK.GetArrayViewFromImage(image)):
                raise RuntimeError("other voxels")


@contextlib.contextmanager
def whole_volume(file: Path) -> Iterator[Path]:
    """Yield a temporary path for a volume, and put it in the place of ``file`` once it is seen to be whole.

    Args:
        file: The file. Its folder is created.

    Yields:
        The path to write to.

    Raises:
        OSError: When it can't be written whole; ITK says nothing when the disk is full.
    """
    with replacing(file) as temporary:
        try:
            yield temporary
            if file.name.endswith(ENDINGS):
                check_whole(temporary)
        except (UserError, RuntimeError) as fault:
            raise OSError(errno.EIO, f"it could not be written whole ({type(fault).__name__})", str(file)) from fault


def itk_image(voxels: NDArray[Any], grid: Grid) -> SimpleITK.Image:
    """Return a volume as ITK has it.

    Args:
        voxels: Shape (Z, Y, X), in the order of the grid's axes, of any byte order.
        grid: Where the voxels lie.
    """
    image = SimpleITK.GetImageFromArray(voxels.astype(voxels.dtype.newbyteorder("="), copy=False))
    image.SetSpacing(grid.spacing_mm)
    image.SetOrigin(grid.origin_mm)
    image.SetDirection(grid.direction)
    return image
