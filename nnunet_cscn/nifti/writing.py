"""Write a volume on a given grid."""

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
    """Write a compressed NIfTI file, whole or not at all.

    Args:
        file: The file, ``*.nii.gz`` or ``*.nii``. Its folder is created.
        voxels: Shape (Z, Y, X), in the order of the grid's axes.
        grid: Where the voxels lie. A flat grid gives a flat image.

    Raises:
        OSError: When it can't be written whole, as on a full disk.
        ValueError: When the shapes differ.
    """
    if voxels.shape != grid.shape[::-1]:
        raise ValueError(f"voxels: expected the grid's shape {grid.shape[::-1]}, got {voxels.shape}")
    with replacing(file) as temporary:
        try:
            image = itk_image(voxels, grid)
            SimpleITK.WriteImage(image[:, :, 0] if grid.is_flat else image, str(temporary), True)
            check_whole(temporary)  # ITK says nothing when the disk is full
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
