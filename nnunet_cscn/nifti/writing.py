"""Write a volume on a given grid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import SimpleITK
from numpy.typing import NDArray

from nnunet_cscn.files import replacing
from nnunet_cscn.nifti.grids import Grid


def write_volume(file: Path, voxels: NDArray[Any], grid: Grid) -> None:
    """Write a compressed NIfTI file, whole or not at all.

    Args:
        file: The file, ``*.nii.gz`` or ``*.nii``. Its folder is created.
        voxels: Shape (Z, Y, X), in the order of the grid's axes.
        grid: Where the voxels lie.

    Raises:
        ValueError: When the shapes differ.
    """
    if voxels.shape != grid.shape[::-1]:
        raise ValueError(f"voxels: expected the grid's shape {grid.shape[::-1]}, got {voxels.shape}")
    image = SimpleITK.GetImageFromArray(voxels)
    image.SetSpacing(grid.spacing_mm)
    image.SetOrigin(grid.origin_mm)
    image.SetDirection(grid.direction)
    with replacing(file) as temporary:
        SimpleITK.WriteImage(image, str(temporary), True)
