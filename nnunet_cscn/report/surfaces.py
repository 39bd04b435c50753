"""Triangle surfaces of masks, and signed distances between surfaces."""

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

MAX_CORNERS = 12_000  # a phone can still rotate this many smoothly
_MIN_BLOCKS = 8  # per axis; a coarser grid would lose the shape

Floats: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True)
class Surface:
    """A triangle surface.

    Attributes:
        points_mm: Corners as (z, y, x), shape (N, 3). The origin is the centre of the first voxel of the volume.
        triangles: Three indices of corners for each triangle, shape (M, 3).
    """

    points_mm: Floats
    triangles: NDArray[np.int32]


def surface_of(mask: Mask, spacing_mm: Sequence[float]) -> Surface | None:
    """Compute the surface of a mask with marching cubes, halfway between foreground and background.

    Args:
        mask: Shape (Z, Y, X).
        spacing_mm: Size of a voxel along (Z, Y, X).

    Returns:
        The surface. None for an empty mask.
    """
    return _marching_cubes(mask, spacing_mm, (1, 1, 1))


def simplified_surface(
    surface: Surface, mask: Mask, spacing_mm: Sequence[float], *, max_corners: int = MAX_CORNERS
) -> Surface:
    """Compute a surface of the same mask with fewer corners, on a coarser grid. The finest axes are coarsened first.

    Args:
        surface: The surface from ``surface_of``.
        mask: Shape (Z, Y, X).
        spacing_mm: Size of a voxel along (Z, Y, X).
        max_corners: Maximum number of corners. Thin masks that a coarser grid would lose keep more.
    """
    box = bounding_box(mask)
    factors, found = [1, 1, 1], surface
    while box is not None and len(found.points_mm) > max_corners:
        sizes = [part.stop - part.start for part in box]
        able = [axis for axis in range(3) if sizes[axis] >= 2 * factors[axis] * _MIN_BLOCKS]
        if not able:
            break
        factors[min(able, key=lambda axis: spacing_mm[axis] * factors[axis])] *= 2
        found = _marching_cubes(mask, spacing_mm, factors) or found
    return found


def signed_distances_mm(
    points_mm: Floats, surface: Surface, mask: Mask, spacing_mm: Sequence[float]
) -> NDArray[np.float32]:
    """Return the signed distances of points to the surface of a mask: positive outside, negative inside.

    Args:
        points_mm: Points as (z, y, x), shape (N, 3).
        surface: The surface of the mask, at full resolution.
        mask: A mask that is not empty, shape (Z, Y, X).
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


def nearest_corner(points_mm: Floats, surface: Surface) -> NDArray[np.intp]:
    """Return, for each point, the index of the nearest corner of the surface."""
    return np.asarray(cKDTree(surface.points_mm).query(points_mm)[1], dtype=np.intp)


def _marching_cubes(mask: Mask, spacing_mm: Sequence[float], factors: Sequence[int]) -> Surface | None:
    """Average the bounding box of the mask in blocks of ``factors`` voxels and run marching cubes on it."""
    box = bounding_box(mask)
    if box is None:
        return None
    blocks = block_reduce(mask[box].astype(np.float32), tuple(factors), np.mean)
    if blocks.max() <= 0.5:  # the mask is too thin for this grid
        return None
    size_mm = np.asarray(spacing_mm) * factors
    points, triangles, *_ = marching_cubes(np.pad(blocks, 1), 0.5, spacing=tuple(size_mm))
    first_mm = (np.array([part.start for part in box]) + (np.asarray(factors) - 1) / 2) * spacing_mm
    return Surface((points - size_mm + first_mm).astype(np.float32), triangles.astype(np.int32))
