"""Read, check and copy NIfTI images without changing a voxel or the geometry."""

from __future__ import annotations

import filecmp
import itertools
import shutil
from pathlib import Path

import numpy as np
import numpy.typing as npt
import SimpleITK

from nnunet_cscn.errors import UserError
from nnunet_cscn.files import replacing

# Headers hold float32, good for about 1e-4 mm at scanner coordinates; anything above a hundredth voxel is a real shift.
_TOLERANCE_VOXELS = 0.01


def read_volume(path: Path) -> SimpleITK.Image:
    """Read a 3-D image with one value for each voxel, through the reader that nnU-Net uses.

    That reader turns nan and infinity into 0.

    Raises:
        UserError: When it can't be read or is not 3-D.
    """
    try:
        volume = SimpleITK.ReadImage(str(path))
    except RuntimeError as failure:
        raise UserError(f"{path.name} can't be read ({_last_line(failure)})") from failure
    if volume.GetDimension() != 3 or volume.GetNumberOfComponentsPerPixel() != 1:
        raise UserError(
            f"{path.name}: expected a 3-D image with one value per voxel, got {volume.GetDimension()}-D with "
            f"{volume.GetNumberOfComponentsPerPixel()}"
        )
    return volume


def as_labels(volume: SimpleITK.Image, allowed: tuple[int, ...]) -> SimpleITK.Image:
    """Turn a volume of whole numbers into a label map of 8-bit integers.

    Args:
        volume: Voxels of any type.
        allowed: The values that may occur, each from 0 to 255.

    Returns:
        The label map; ``volume`` itself where it already is one.

    Raises:
        UserError: When other values occur.
    """
    present = np.unique(SimpleITK.GetArrayViewFromImage(volume))
    foreign = [f"{value:g}" for value in present if value not in allowed]
    if foreign:
        shown = ", ".join(foreign[:5]) + (", ..." if len(foreign) > 5 else "")
        raise UserError(f"labels hold the values {shown}; expected only {', '.join(map(str, allowed))}")
    return volume if volume.GetPixelID() == SimpleITK.sitkUInt8 else SimpleITK.Cast(volume, SimpleITK.sitkUInt8)


def grid_difference(volume: SimpleITK.Image, other: SimpleITK.Image) -> str | None:
    """Say how the grids of two volumes differ.

    Returns:
        A phrase such as ``"sizes 40x40x20 and 40x40x21"``; None when all corners agree within 0.01 voxels.
    """
    if volume.GetSize() != other.GetSize():
        return f"sizes {'x'.join(map(str, volume.GetSize()))} and {'x'.join(map(str, other.GetSize()))}"
    shift_mm = float(np.linalg.norm(_corners_mm(volume) - _corners_mm(other), axis=1).max())
    if shift_mm > _TOLERANCE_VOXELS * min(volume.GetSpacing()):
        return f"positions up to {shift_mm:.3g} mm apart (spacing, origin or direction differ)"
    return None


def copy_file(source: Path, target: Path) -> None:
    """Copy ``source`` byte by byte to ``target``, whole or not at all."""
    with replacing(target) as temporary:
        shutil.copyfile(source, temporary)


def write_volume(volume: SimpleITK.Image, target: Path) -> None:
    """Write ``volume`` compressed to ``target``, whole or not at all."""
    with replacing(target) as temporary:
        SimpleITK.WriteImage(volume, str(temporary), True)


def is_same_file(first: Path, second: Path) -> bool:
    """Tell whether both files hold the same bytes."""
    return filecmp.cmp(first, second, shallow=False)


def holds_volume(path: Path, volume: SimpleITK.Image) -> bool:
    """Tell whether ``path`` already holds ``volume``: same type, grid and voxels."""
    try:
        present = read_volume(path)
    except UserError:
        return False
    return (
        present.GetPixelID() == volume.GetPixelID()
        and grid_difference(present, volume) is None
        and np.array_equal(SimpleITK.GetArrayViewFromImage(present), SimpleITK.GetArrayViewFromImage(volume))
    )


def _corners_mm(volume: SimpleITK.Image) -> npt.NDArray[np.float64]:
    last = [size - 1 for size in volume.GetSize()]
    indices = itertools.product(*((0, index) for index in last))
    return np.array([volume.TransformIndexToPhysicalPoint(index) for index in indices])


def _last_line(failure: RuntimeError) -> str:
    lines = [line.strip() for line in str(failure).splitlines() if line.strip()]
    return lines[-1] if lines else type(failure).__name__
