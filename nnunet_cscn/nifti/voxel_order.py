"""Reorder a volume whose voxels are stored along other axes or in the opposite direction."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnunet_cscn.nifti.grids import Grid, grid_differences

_STEP = 0.01  # largest deviation of a step along an axis from a whole voxel


def in_order_of(voxels: NDArray[Any], grid: Grid, other: Grid) -> NDArray[Any] | None:
    """Return voxels in the order of another grid, where both grids have the same voxel centres.

    Axes are permuted and flipped; nothing is resampled.

    Args:
        voxels: Shape (Z, Y, X), on ``grid``.
        grid: The grid of the voxels.
        other: The grid with the wanted order.

    Returns:
        The voxels on the other grid. None if the other grid has other voxel centres.

    Example:
        >>> axes = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
        >>> forwards = Grid((3, 1, 1), (2.0, 1.0, 1.0), (0.0, 0.0, 0.0), axes)
        >>> backwards = Grid((3, 1, 1), (2.0, 1.0, 1.0), (4.0, 0.0, 0.0), (-1.0, *axes[1:]))
        >>> in_order_of(np.array([[[1, 2, 3]]]), forwards, backwards).tolist()
        [[[3, 2, 1]]]
    """
    if not grid_differences(grid, other, ""):
        return voxels
    steps = np.linalg.solve(other.affine()[:3, :3], grid.affine()[:3, :3])  # of the other grid, for each own axis
    signs = np.round(steps)
    if np.abs(steps - signs).max() > _STEP or not _is_signed_permutation(signs):
        return None
    own = [int(np.flatnonzero(row)[0]) for row in signs]  # own axis of each axis of the other grid
    is_reversed = [bool(row[axis] < 0) for row, axis in zip(signs, own, strict=True)]
    if grid_differences(_reordered(grid, own, is_reversed), other, ""):
        return None
    turned = np.transpose(voxels, [2 - axis for axis in reversed(own)])
    return turned[tuple(slice(None, None, -1 if reverse else 1) for reverse in reversed(is_reversed))]


def _is_signed_permutation(matrix: NDArray[np.float64]) -> bool:
    return bool((np.abs(matrix).sum(axis=0) == 1).all() and (np.abs(matrix).sum(axis=1) == 1).all())


def _reordered(grid: Grid, own: list[int], is_reversed: list[bool]) -> Grid:
    """The same voxels as a grid with other axes."""
    axes = np.reshape(grid.direction, (3, 3))
    origin, columns = np.array(grid.origin_mm, np.float64), []
    for axis, reverse in zip(own, is_reversed, strict=True):
        columns.append(-axes[:, axis] if reverse else axes[:, axis])
        if reverse:
            origin += (grid.shape[axis] - 1) * grid.spacing_mm[axis] * axes[:, axis]
    return Grid(
        tuple(grid.shape[axis] for axis in own),
        tuple(grid.spacing_mm[axis] for axis in own),
        tuple(float(place) for place in origin),
        tuple(float(cosine) for cosine in np.stack(columns, axis=1).ravel()),
    )
