"""Write a volume with a given grid."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import SimpleITK
from numpy.typing import NDArray

from nnunet_cscn.errors import UserError
from nnunet_cscn.files import replacing
from nnunet_cscn.nifti.grids import Grid
from nnunet_cscn.nifti.voxels import check_whole


def write_volume(file: Path, voxels: NDArray[Any], grid: Grid) -> None:
    """Write a compressed NIfTI file. An interruption leaves no incomplete file.

    Args:
        file: The file, ``*.nii.gz`` or ``*.nii``. Its folder is created.
        voxels: Shape (Z, Y, X).
        grid: The grid of the voxels. A flat grid gives a 2D image.

    Raises:
        OSError: When the file cannot be written completely, for example because the disk is full.
        ValueError: When the shapes differ.
    """
    if voxels.shape != grid.shape[::-1]:
        raise ValueError(f"voxels: expected the grid's shape {grid.shape[::-1]}, got {voxels.shape}")
    with replacing(file) as temporary:
        try:
            image = itk_image(voxels, grid)
            SimpleITK.WriteImage(image[:, :, 0] if grid.is_flat else image, str(temporary), True)
            check_whole(temporary)  # ITK reports no error if the disk is full
        except (UserError, RuntimeError) as fault:
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
