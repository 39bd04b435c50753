"""Volumes of a source in any common format, brought onto one grid where that is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from nnunet_cscn.errors import UserError
from nnunet_cscn.nifti.grids import Grid, grid_differences, read_grid
from nnunet_cscn.nifti.voxels import ENDINGS, read_voxels

ALL_ENDINGS = (*ENDINGS, ".nrrd", ".mha", ".mhd")


@dataclass(frozen=True)
class Volume:
    """Voxels, shape (Z, Y, X), and where they lie."""

    voxels: NDArray[Any]
    grid: Grid


def read_volume(file: Path) -> Volume:
    """Read a volume of NIfTI, NRRD or MetaImage; NIfTI files are checked to be whole.

    Raises:
        UserError: When the file is missing, can't be read, or is no volume of one value a voxel.
    """
    if not file.is_file():
        raise UserError(f"{file.name} is missing")
    try:
        grid = read_grid(file)
        if file.name.endswith(ENDINGS):
            return Volume(read_voxels(file), grid)
        return Volume(sitk.GetArrayFromImage(sitk.ReadImage(str(file))), grid)
    except UserError as fault:
        raise UserError(f"{file.name}: {fault}") from None
    except RuntimeError:
        raise UserError(f"{file.name}: the file is damaged") from None


def as_mask(volume: Volume) -> NDArray[np.bool_]:
    """Return the foreground of a mask, whose values may be 0 and 255 or not quite clean: above half of the range.

    Raises:
        UserError: When it holds what is no number, or more than two whole numbers, as a label map does.
    """
    if not np.isfinite(volume.voxels).all():
        raise UserError("a mask holds values that are no numbers")
    if volume.voxels.dtype.kind in "iu" and len(values := np.unique(volume.voxels)) > 2:
        raise UserError(f"a mask holds {', '.join(map(str, values[:5]))}: it is a label map")
    low, high = float(volume.voxels.min()), float(volume.voxels.max())
    if low == high:
        return np.full(volume.voxels.shape, low > 0)
    mask: NDArray[np.bool_] = volume.voxels > (low + high) / 2
    return mask


def as_labels(volume: Volume, values: Sequence[int], what: str) -> NDArray[np.uint8]:
    """Return a label map as 8-bit integers.

    Args:
        volume: The label map.
        values: Those that may occur, each from 0 to 255.
        what: What it is called in texts.

    Raises:
        UserError: When other values occur.
    """
    foreign = [f"{value:g}" for value in np.unique(volume.voxels) if value not in values]
    if foreign:
        raise UserError(f"{what} holds {', '.join(foreign[:5])}; expected only {', '.join(map(str, values))}")
    return volume.voxels.astype(np.uint8)


def on_grid(volume: Volume, grid: Grid, what: str, *, resample: bool, labels: bool = False) -> tuple[Volume, str]:
    """Return a volume on another grid.

    Args:
        volume: The volume.
        grid: Where it should lie.
        what: What it is called in texts.
        resample: Whether it is resampled through physical space where the grids differ, instead of refused.
        labels: Whether values are labels: the nearest one is taken, instead of a linear interpolation.

    Returns:
        The volume, and a note when it was resampled; empty otherwise.

    Raises:
        UserError: When the grids differ and it is not to be resampled.
    """
    differences = grid_differences(volume.grid, grid, "the image")
    if not differences:
        return volume, ""
    if not resample:
        raise UserError(f"{what} has {'; '.join(differences)}: add --resample to bring it onto the image's grid")
    interpolator = sitk.sitkNearestNeighbor if labels else sitk.sitkLinear
    reference = sitk.Image(list(grid.shape), sitk.sitkUInt8)
    outside = 0.0 if labels else float(volume.voxels.min())  # air on CT
    moved = sitk.Resample(_placed(volume), _located(reference, grid), sitk.Transform(), interpolator, outside)
    return Volume(sitk.GetArrayFromImage(moved), grid), f"{what} was resampled"


def mask_on_grid(
    mask: Volume, grid: Grid, what: str, *, resample: bool, may_be_part: bool = False
) -> tuple[NDArray[np.bool_], str]:
    """Return a mask on another grid; one with the same voxels in another order is the same.

    Args:
        mask: The mask, boolean.
        grid: Where it should lie.
        what: What it is called in texts.
        resample: Whether it is resampled through physical space (nearest) where its voxels are others.
        may_be_part: Whether one with a part of the voxels is the same too, as where empty slices are left out.

    Returns:
        The mask, and a note when it was resampled; empty otherwise.

    Raises:
        UserError: When its voxels are others and it is not to be resampled.
    """
    stored = Volume(mask.voxels.astype(np.uint8), mask.grid)
    moved, note = on_grid(stored, grid, what, resample=True, labels=True)
    placed: NDArray[np.bool_] = moved.voxels > 0
    before, after = int(stored.voxels.sum()), int(placed.sum())
    is_whole = sorted(mask.grid.shape) == sorted(grid.shape)
    if not note or (before == after and (is_whole or may_be_part) and _shares_centres(mask.grid, grid)):
        return placed, ""
    if not resample:
        sizes = f"shape {mask.grid.shape} against {grid.shape}, {after} of {before} voxels inside it"
        raise UserError(f"{what} lies on another grid ({sizes}): add --resample to bring it onto the image's")
    return placed, note


def _shares_centres(grid: Grid, other: Grid) -> bool:
    """Whether steps are as long along some axis, and the centres of voxels coincide, to a twentieth of a voxel."""
    if sorted(round(step, 3) for step in grid.spacing_mm) != sorted(round(step, 3) for step in other.spacing_mm):
        return False
    n_x, n_y, n_z = (count - 1 for count in grid.shape)
    indices = np.array([(0, 0, 0, 1), (n_x, 0, 0, 1), (0, n_y, 0, 1), (0, 0, n_z, 1)])
    places = np.linalg.solve(other.affine(), grid.affine() @ indices.T)[:3]
    return bool(np.abs(places - np.round(places)).max() < 0.05)


def _placed(volume: Volume) -> sitk.Image:
    voxels = volume.voxels
    image = sitk.GetImageFromArray(voxels.astype(voxels.dtype.newbyteorder("="), copy=False))
    return _located(image, volume.grid)


def _located(image: sitk.Image, grid: Grid) -> sitk.Image:
    image.SetSpacing(grid.spacing_mm)
    image.SetOrigin(grid.origin_mm)
    image.SetDirection(grid.direction)
    return image
