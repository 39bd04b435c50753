"""Write volumes. All of the package are written here, except nnU-Net's predictions (`formats/whole_exports.py`)."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK
from numpy.typing import NDArray

from nnunet_cscn.errors import UserError
from nnunet_cscn.files import is_full, replacing
from nnunet_cscn.nifti.grids import Grid
from nnunet_cscn.nifti.voxels import ENDINGS, check_whole


def write_volume(file: Path, voxels: NDArray[Any], grid: Grid) -> None:
    """Write a compressed volume. An interruption leaves no incomplete file.

    Args:
        file: The file, ``*.nii.gz``, ``*.nii`` or another ending that ITK knows. Its folder is created.
        voxels: Shape (Z, Y, X).
        grid: The grid of the voxels. A flat grid gives a 2D image.

    Raises:
        OSError: When the file cannot be written completely, for example because the disk is full.
        ValueError: When the shapes differ.
    """
    if voxels.shape != grid.shape[::-1]:
        raise ValueError(f"voxels: expected the grid's shape {grid.shape[::-1]}, got {voxels.shape}")
    image = itk_image(voxels, grid)
    write_image(file, image[:, :, 0] if grid.is_flat else image)


def write_image(file: Path, image: SimpleITK.Image) -> None:
    """Write a compressed image of ITK. An interruption leaves no incomplete file.

    Args:
        file: As in ``write_volume``.
        image: The image.

    Raises:
        OSError: As ``write_volume``.
    """
    with whole_volume(file) as temporary:
        SimpleITK.WriteImage(image, str(temporary), True)
        if not file.name.endswith(ENDINGS):  # NIfTI files are checked below
            written = SimpleITK.ReadImage(str(temporary))
            read, given = (SimpleITK.GetArrayViewFromImage(each) for each in (written, image))
            if not np.array_equal(read, given, equal_nan=True):
                raise RuntimeError("other voxels")


@contextlib.contextmanager
def whole_volume(file: Path) -> Iterator[Path]:
    """Yield a temporary path for a volume, check that the volume is complete, and move it to ``file``.

    Args:
        file: The file. Its folder is created.

    Yields:
        The path to write to.

    Raises:
        OSError: When the file cannot be written completely. ITK reports no error if the disk is full.
    """
    with replacing(file) as temporary:
        try:
            yield temporary
            if file.name.endswith(ENDINGS):
                check_whole(temporary)
        except (UserError, RuntimeError) as fault:
            if is_full(temporary.parent):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(file)) from fault
            raise OSError(errno.EIO, f"it could not be written whole ({type(fault).__name__})", str(file)) from fault


def itk_image(voxels: NDArray[Any], grid: Grid) -> SimpleITK.Image:
    """Return a volume as an ITK image.

    Args:
        voxels: Shape (Z, Y, X), of any byte order.
        grid: The grid of the voxels.
    """
    image = SimpleITK.GetImageFromArray(voxels.astype(voxels.dtype.newbyteorder("="), copy=False))
    image.SetSpacing(grid.spacing_mm)
    image.SetOrigin(grid.origin_mm)
    image.SetDirection(grid.direction)
    return image
