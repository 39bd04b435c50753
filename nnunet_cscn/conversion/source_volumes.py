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
from nnunet_cscn.nifti.itk_path import itk_path
from nnunet_cscn.nifti.voxels import ENDINGS, read_voxels
from nnunet_cscn.nifti.writing import itk_image

ALL_ENDINGS = (*ENDINGS, ".nrrd", ".mha", ".mhd")


@dataclass(frozen=True)
class Volume:
    """Voxels, shape (Z, Y, X), and where they lie."""

    voxels: NDArray[Any]
    grid: Grid


def read_volume(file: Path) -> Volume:
    """Read a volume of NIfTI, NRRD or MetaImage; NIfTI files are checked to be whole.

    Raises:
        UserError: When the file is missing, cannot be read, or is no volume of one value a voxel.
    """
    if not file.is_file():
        raise UserError(f"{file.name}: file not found")
    try:
        grid = read_grid(file)
        if file.name.endswith(ENDINGS):
            return Volume(read_voxels(file), grid)
        with itk_path(file) as name:
            return Volume(sitk.GetArrayFromImage(sitk.ReadImage(name)), grid)
    except UserError as fault:
        raise UserError(f"{file.name}: {fault}") from None
    except RuntimeError:
        raise UserError(f"{file.name}: the file is damaged; restore it") from None


def as_mask(volume: Volume) -> NDArray[np.bool_]:
    """Return the foreground of a mask, whose values may be 0 and 255 or not quite clean: above half of the range.

    Raises:
        UserError: When it holds what is no number, or more than two whole numbers, as a label map does.
    """
    if not np.isfinite(volume.voxels).all():
        raise UserError("a mask contains values that are not finite numbers (NaN or infinity)")
    if volume.voxels.dtype.kind in "iu" and len(values := np.unique(volume.voxels)) > 2:
        raise UserError(
            f"a mask has the values {', '.join(map(str, values[:5]))}; expected two values, so this is a label map"
        )
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
        raise UserError(f"{what} contains {', '.join(foreign[:5])}; expected only {', '.join(map(str, values))}")
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
        UserError: When the grids differ and it is not to be resampled, or a part of the labels would be lost.
    """
    differences = grid_differences(volume.grid, grid, "the image")
    if not differences:
        return volume, ""
    if not resample:
        raise UserError(
            f"{what} has {'; '.join(differences)}: add resample=True to resample it to the grid of the image"
        )
    _refuse_apart(volume, grid, what, labels=labels)
    interpolator = sitk.sitkNearestNeighbor if labels else sitk.sitkLinear
    reference = itk_image(np.zeros(grid.shape[::-1], np.uint8), grid)
    outside = 0.0 if labels else float(volume.voxels.min())  # air on CT
    source = itk_image(volume.voxels, volume.grid)
    moved = Volume(
        sitk.GetArrayFromImage(sitk.Resample(source, reference, sitk.Transform(), interpolator, outside)), grid
    )
    sizes = f" ({_foreground_ml(volume):.3f} ml before, {_foreground_ml(moved):.3f} ml after)" if labels else ""
    return moved, f"{what} was resampled{sizes}"


def _refuse_apart(volume: Volume, grid: Grid, what: str, *, labels: bool) -> None:
    """Refuse labels of which a part would be lost outside of a grid, and images that do not reach into it at all."""
    if labels:
        indices, places = np.argwhere(volume.voxels)[:, ::-1], volume.grid
        inside = _is_inside(indices, places, grid)
        if not inside.all():
            lost = f"{np.count_nonzero(~inside)} of its {len(inside)} voxels"
            raise UserError(f"{what}: {lost} lie outside the image; crop it, or use the image on which it was drawn")
    else:
        steps = [np.linspace(0, count - 1, 9) for count in grid.shape]
        lattice = np.stack(np.meshgrid(*steps), axis=-1).reshape(-1, 3)
        if not _is_inside(lattice, grid, volume.grid).any():
            raise UserError(f"{what} lies completely outside the image")


def _is_inside(indices: NDArray[Any], places: Grid, grid: Grid) -> NDArray[np.bool_]:
    """Whether voxels (N, 3), by their indices (x, y, z) in one grid, have their centres inside another one."""
    matrix = np.linalg.solve(grid.affine(), places.affine())
    there = indices @ matrix[:3, :3].T + matrix[:3, 3]
    slack = 0.5 + 1e-4
    inside: NDArray[np.bool_] = ((there > -slack) & (there < np.array(grid.shape) - 1 + slack)).all(axis=1)
    return inside


def _foreground_ml(volume: Volume) -> float:
    return float(np.count_nonzero(volume.voxels) * np.prod(volume.grid.spacing_mm)) / 1000


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
        raise UserError(
            f"{what} has a different grid ({sizes}): add resample=True to resample it to the grid of the image"
        )
    return placed, note


def _shares_centres(grid: Grid, other: Grid) -> bool:
    """Whether steps are as long along some axis, and the centres of voxels coincide, to a twentieth of a voxel."""
    if sorted(round(step, 3) for step in grid.spacing_mm) != sorted(round(step, 3) for step in other.spacing_mm):
        return False
    n_x, n_y, n_z = (count - 1 for count in grid.shape)
    indices = np.array([(0, 0, 0, 1), (n_x, 0, 0, 1), (0, n_y, 0, 1), (0, 0, n_z, 1)])
    places = np.linalg.solve(other.affine(), grid.affine() @ indices.T)[:3]
    return bool(np.abs(places - np.round(places)).max() < 0.05)
