"""Surfaces of masks as triangles, and how far each point is from another mask's surface."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates
from scipy.spatial import cKDTree
from skimage.measure import marching_cubes

from nnunet_cscn.evaluation.masks import Mask

MAX_VERTICES = 12_000  # as many as a phone turns without stutter

Floats: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True)
class Surface:
    """A surface of triangles.

    Attributes:
        points_mm: Corners along (z, y, x), shape (N, 3).
        triangles: Three indices of corners each, shape (M, 3).
    """

    points_mm: Floats
    triangles: NDArray[np.int32]


def surface_of(mask: Mask, spacing_mm: Sequence[float], *, max_vertices: int | None = MAX_VERTICES) -> Surface | None:
    """Return the surface of a mask by marching cubes, halfway between foreground and background.

    Args:
        mask: Shape (Z, Y, X).
        spacing_mm: Size of a voxel along (Z, Y, X); the centre of the first voxel is the origin.
        max_vertices: Take a coarser surface where it would have more corners; None for none.

    Returns:
        The surface; None for an empty mask.
    """
    if not mask.any():
        return None
    padded = np.pad(mask, 1).astype(np.float32)
    found, step = _marched(padded, spacing_mm, 1), 1
    while found is not None and max_vertices is not None and len(found.points_mm) > max_vertices:
        step = max(step + 1, round(step * math.sqrt(len(found.points_mm) / max_vertices)))
        coarser = _marched(padded, spacing_mm, step)
        if coarser is None:
            break
        found = coarser
    return found


def _marched(padded: Floats, spacing_mm: Sequence[float], step: int) -> Surface | None:
    try:
        points, triangles, *_ = marching_cubes(padded, 0.5, spacing=tuple(spacing_mm), step_size=step)
    except (RuntimeError, ValueError):  # the steps go past all of the mask
        return None
    return Surface((points - np.asarray(spacing_mm)).astype(np.float32), triangles.astype(np.int32))


def signed_distances_mm(points_mm: Floats, mask: Mask, spacing_mm: Sequence[float]) -> Floats:
    """Return how far points are outside (above 0) or inside (below 0) a mask's surface.

    Args:
        points_mm: Along (z, y, x), shape (N, 3).
        mask: Not empty, shape (Z, Y, X).
        spacing_mm: Size of a voxel along (Z, Y, X).

    Returns:
        Distances in mm to the nearest corner of the surface, shape (N,).

    Raises:
        ValueError: When the mask is empty.
    """
    surface = surface_of(mask, spacing_mm, max_vertices=None)
    if surface is None:
        raise ValueError("mask: expected a mask that is not empty")
    distances: Floats = np.asarray(cKDTree(surface.points_mm).query(points_mm)[0], dtype=np.float32)
    places: Floats = (points_mm / np.asarray(spacing_mm)).T.astype(np.float32)
    is_inside = map_coordinates(mask.astype(np.float32), places, order=1, mode="constant") > 0.5
    return np.where(is_inside, -distances, distances)
