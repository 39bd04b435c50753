"""Surfaces of masks as triangles, and how far each point is from another mask's surface."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates
from scipy.spatial import cKDTree
from skimage.measure import block_reduce, marching_cubes

from nnunet_cscn.metrics.masks import Mask, bounding_box, grow_box

MAX_CORNERS = 12_000  # as many as a phone turns without stutter
_FEWEST_BLOCKS = 8  # along an axis; a coarser grid would lose the shape

Floats: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True)
class Surface:
    """A surface of triangles.

    Attributes:
        points_mm: Corners along (z, y, x), shape (N, 3); the centre of the volume's first voxel is the origin.
        triangles: Three indices of corners each, shape (M, 3).
    """

    points_mm: Floats
    triangles: NDArray[np.int32]


def surface_of(mask: Mask, spacing_mm: Sequence[float]) -> Surface | None:
    """Return the surface of a mask by marching cubes, halfway between foreground and background.

    Args:
        mask: Shape (Z, Y, X).
        spacing_mm: Size of a voxel along (Z, Y, X).

    Returns:
        The surface; None for an empty mask.
    """
    return _marched(mask, spacing_mm, (1, 1, 1))


def lighter(surface: Surface, mask: Mask, spacing_mm: Sequence[float], *, max_corners: int = MAX_CORNERS) -> Surface:
    """Return a surface of the same mask with fewer corners, from a grid that is coarser along its finest axes.

    Args:
        surface: That of ``surface_of``.
        mask: Shape (Z, Y, X).
        spacing_mm: Size of a voxel along (Z, Y, X).
        max_corners: How many are wanted at most; thin masks, which a coarser grid would lose, keep more.
    """
    box = bounding_box(mask)
    factors, found = [1, 1, 1], surface
    while box is not None and len(found.points_mm) > max_corners:
        sizes = [part.stop - part.start for part in box]
        able = [axis for axis in range(3) if sizes[axis] >= 2 * factors[axis] * _FEWEST_BLOCKS]
        if not able:
            break
        factors[min(able, key=lambda axis: spacing_mm[axis] * factors[axis])] *= 2
        found = _marched(mask, spacing_mm, factors) or found
    return found


def signed_distances_mm(
    points_mm: Floats, surface: Surface, mask: Mask, spacing_mm: Sequence[float]
) -> NDArray[np.float32]:
    """Return how far points are outside (above 0) or inside (below 0) a mask's surface.

    Args:
        points_mm: Along (z, y, x), shape (N, 3).
        surface: The surface of the mask, at full resolution.
        mask: Not empty, shape (Z, Y, X).
        spacing_mm: Size of a voxel along (Z, Y, X).

    Returns:
        Distances in mm to the nearest corner of the surface, shape (N,).
    """
    distances: Floats = np.asarray(cKDTree(surface.points_mm).query(points_mm)[0], dtype=np.float32)
    box = bounding_box(mask)
    if box is None:
        raise ValueError("mask: expected a mask that is not empty")
    box = grow_box(box, mask.shape)
    start = np.array([part.start for part in box])
    places: Floats = (points_mm / np.asarray(spacing_mm) - start).T.astype(np.float32)
    is_inside = map_coordinates(mask[box].astype(np.float32), places, order=1, mode="constant") > 0.5
    return np.where(is_inside, -distances, distances)


def nearest(points_mm: Floats, surface: Surface) -> NDArray[np.intp]:
    """Return the number of the surface's corner that is nearest to each point."""
    return np.asarray(cKDTree(surface.points_mm).query(points_mm)[1], dtype=np.intp)


def _marched(mask: Mask, spacing_mm: Sequence[float], factors: Sequence[int]) -> Surface | None:
    """March over the mask's box, whose voxels are first averaged in blocks."""
    box = bounding_box(mask)
    if box is None:
        return None
    blocks = block_reduce(mask[box].astype(np.float32), tuple(factors), np.mean)
    if blocks.max() <= 0.5:  # nothing is left of thin parts
        return None
    size_mm = np.asarray(spacing_mm) * factors
    points, triangles, *_ = marching_cubes(np.pad(blocks, 1), 0.5, spacing=tuple(size_mm))
    first_mm = (np.array([part.start for part in box]) + (np.asarray(factors) - 1) / 2) * spacing_mm
    return Surface((points - size_mm + first_mm).astype(np.float32), triangles.astype(np.int32))
