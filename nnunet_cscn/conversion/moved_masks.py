"""Masks brought onto another grid of the same patient, by their shape."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from nnunet_cscn.conversion.slice_gaps import shapes_between
from nnunet_cscn.nifti.grids import Grid
from nnunet_cscn.nifti.writing import itk_image

Mask = NDArray[np.bool_]
_PARTS = 5  # thin slices that each slice is cut into; odd, so that the slice itself is the one in the middle


def moved_mask(mask: Mask, grid: Grid, target: Grid) -> tuple[Mask, float]:
    """Resample a mask onto another grid through physical space.

    Between neighbouring slices the shape is interpolated, so that thick slices leave no steps. Then each voxel of the
    target takes the value of the nearest place.

    Args:
        mask: Shape (slices, rows, columns), not empty.
        grid: Where it lies.
        target: Where it should lie.

    Returns:
        The mask on the target, and the share of its voxels whose centres lie outside the target, from 0 to 1.
    """
    affine = grid.affine()
    indices = np.argwhere(mask)[:, ::-1]
    first, last = indices.min(axis=0), indices.max(axis=0)  # x, y, z
    thin = _thin_slices(mask[tuple(slice(first[axis], last[axis] + 1) for axis in (2, 1, 0))], grid)
    start = affine @ np.array([first[0], first[1], first[2] - (_PARTS // 2) / _PARTS, 1.0])
    window = Grid(
        thin.shape[::-1],
        (*grid.spacing_mm[:2], grid.spacing_mm[2] / _PARTS),
        tuple(float(value) for value in start[:3]),
        grid.direction,
    )
    source = itk_image(thin.astype(np.uint8), window)
    reference = itk_image(np.zeros(target.shape[::-1], np.uint8), target)
    moved = sitk.Resample(source, reference, sitk.Transform(), sitk.sitkNearestNeighbor, 0)
    there = np.linalg.solve(target.affine(), affine @ np.c_[indices, np.ones(len(indices))].T)[:3].T
    slack = 0.5 + 1e-4
    inside = ((there > -slack) & (there < np.array(target.shape) - 1 + slack)).all(axis=1)
    result: Mask = sitk.GetArrayFromImage(moved) > 0
    return result, float(1 - inside.mean())


def _thin_slices(mask: Mask, grid: Grid) -> Mask:
    """Cut each slice into thin ones; those between two slices with common pixels have the shape in between."""
    thin = np.repeat(mask, _PARTS, axis=0)
    half = _PARTS // 2
    shares = [number / _PARTS for number in range(1, _PARTS)]
    for index in range(len(mask) - 1):
        if (mask[index] & mask[index + 1]).any():
            start = index * _PARTS + half + 1
            steps = grid.spacing_mm[1], grid.spacing_mm[0]
            thin[start : start + _PARTS - 1] = shapes_between(mask[index], mask[index + 1], shares, steps)
    return thin
