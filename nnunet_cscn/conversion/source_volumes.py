"""Read the volumes of a source, and bring them onto the grid of the image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from nnunet_cscn.errors import UserError
from nnunet_cscn.formats.reading import BY_CONTENT
from nnunet_cscn.formats.volume import Volume
from nnunet_cscn.nifti.grids import Grid, grid_differences
from nnunet_cscn.nifti.writing import itk_image
from nnunet_cscn.texts import counted


def read_volume(file: Path) -> Volume:
    """Read a volume of any format; NIfTI files are checked to be whole.

    Raises:
        UserError: When the file is missing, cannot be read, or has several values per voxel. The text starts with the
            file's name.
    """
    if not file.is_file():
        raise UserError(f"{file.name}: file not found")
    try:
        return BY_CONTENT.read(file)
    except UserError as fault:
        raise UserError(f"{file.name}: {fault}") from None


def notes_of(volume: Volume, what: str) -> list[str]:
    """Return the notes on the grid of a volume, with the name of the volume in front.

    Args:
        volume: The volume.
        what: Name of the volume in messages.
    """
    return [f"{what}: {note}" for note in volume.grid.notes]


def on_grid(volume: Volume, grid: Grid, what: str, *, resample: bool, labels: bool = False) -> tuple[Volume, str]:
    """Return a volume on another grid. A volume with the same voxels in another order is reordered, not resampled.

    Args:
        volume: The volume.
        grid: The target grid.
        what: Name of the volume in messages.
        resample: Whether to resample the volume if its voxels have other positions. Otherwise this is an error.
        labels: Whether the values are labels. Labels are resampled with nearest neighbour, images linearly.

    Returns:
        The volume, and a note if it was resampled; else an empty text.

    Raises:
        UserError: When the voxels have other positions and ``resample`` is False, or a part of the labels would be
            lost.
    """
    in_order = volume.on(grid)
    if in_order is not None:
        return Volume(in_order, grid), ""
    if not resample:
        differences = grid_differences(volume.grid, grid, "the image")
        raise UserError(
            f"{what} has {'; '.join(differences)}: add resample=True to resample it to the grid of the image"
        )
    _refuse_lost_parts(volume, grid, what, labels=labels)
    interpolator = sitk.sitkNearestNeighbor if labels else sitk.sitkLinear
    reference = itk_image(np.zeros(grid.shape[::-1], np.uint8), grid)
    outside = 0.0 if labels else float(np.nanmin(volume.voxels))  # air on CT
    source = itk_image(volume.voxels, volume.grid)
    moved = Volume(
        sitk.GetArrayFromImage(sitk.Resample(source, reference, sitk.Transform(), interpolator, outside)), grid
    )
    sizes = f" ({_foreground_ml(volume):.3f} ml before, {_foreground_ml(moved):.3f} ml after)" if labels else ""
    return moved, f"{what} was resampled{sizes}"


def _refuse_lost_parts(volume: Volume, grid: Grid, what: str, *, labels: bool) -> None:
    """Raise an error if labels are partly outside the grid, or if an image is completely outside."""
    if labels:
        indices, places = np.argwhere(volume.voxels)[:, ::-1], volume.grid
        inside = _is_inside(indices, places, grid)
        if not inside.all():
            lost = f"{np.count_nonzero(~inside)} of its {counted(len(inside), 'voxel')}"
            raise UserError(f"{what}: {lost} lie outside the image; crop it, or use the image on which it was drawn")
    else:
        steps = [np.linspace(0, count - 1, 9) for count in grid.shape]
        lattice = np.stack(np.meshgrid(*steps), axis=-1).reshape(-1, 3)
        if not _is_inside(lattice, grid, volume.grid).any():
            raise UserError(f"{what} lies completely outside the image")


def _is_inside(indices: NDArray[Any], places: Grid, grid: Grid) -> NDArray[np.bool_]:
    """Tell which voxels (N, 3), given by their indices (x, y, z) in one grid, have their centres inside another one."""
    matrix = np.linalg.solve(grid.affine(), places.affine())
    there = indices @ matrix[:3, :3].T + matrix[:3, 3]
    slack = 0.5 + 1e-4
    inside: NDArray[np.bool_] = ((there > -slack) & (there < np.array(grid.shape) - 1 + slack)).all(axis=1)
    return inside


def _foreground_ml(volume: Volume) -> float:
    return float(np.count_nonzero(volume.voxels) * np.prod(volume.grid.spacing_mm)) / 1000


def mask_on_grid(mask: Volume, grid: Grid, what: str, *, resample: bool) -> tuple[NDArray[np.bool_], str]:
    """Return a mask on another grid. A mask with the same voxels in another order is reordered, not resampled.

    Args:
        mask: The mask, boolean.
        grid: The target grid.
        what: Name of the volume in messages.
        resample: Whether to resample the mask (nearest neighbour) if its voxels have other positions.

    Returns:
        The mask, and a note if it was resampled; else an empty text.

    Raises:
        UserError: When the voxels have other positions and ``resample`` is False.
    """
    stored = Volume(mask.voxels.astype(np.uint8), mask.grid)
    moved, note = on_grid(stored, grid, what, resample=True, labels=True)
    placed: NDArray[np.bool_] = moved.voxels > 0
    before, after = int(stored.voxels.sum()), int(placed.sum())
    is_whole = sorted(mask.grid.shape) == sorted(grid.shape)
    if not note or (before == after and is_whole and _shares_centres(mask.grid, grid)):
        return placed, ""
    if not resample:
        sizes = f"shape {mask.grid.shape} against {grid.shape}, {after} of {counted(before, 'voxel')} inside it"
        raise UserError(
            f"{what} has a different grid ({sizes}): add resample=True to resample it to the grid of the image"
        )
    return placed, note


def _shares_centres(grid: Grid, other: Grid) -> bool:
    """Tell whether voxels have the same size, and their centres coincide to a twentieth of a voxel."""
    if sorted(round(step, 3) for step in grid.spacing_mm) != sorted(round(step, 3) for step in other.spacing_mm):
        return False
    n_x, n_y, n_z = (count - 1 for count in grid.shape)
    indices = np.array([(0, 0, 0, 1), (n_x, 0, 0, 1), (0, n_y, 0, 1), (0, 0, n_z, 1)])
    places = np.linalg.solve(other.affine(), grid.affine() @ indices.T)[:3]
    return bool(np.abs(places - np.round(places)).max() < 0.05)
