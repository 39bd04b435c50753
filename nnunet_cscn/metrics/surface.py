"""Distances between the surfaces of two masks: ASSD, HD95, HD and surface Dice."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from nnunet_cscn.metrics.masks import (
    Mask,
    bounding_box,
    checked_pair,
    checked_spacing,
    grow_box,
    interior_voxels,
    slabs,
)

ROUNDING_MM = 1e-6  # rounding error of distances: a voxel at 0.3 mm must count as within 0.3 mm

SPARSE = 24  # if a mask fills less than 1/24 of the volume, it is faster to process only its voxels

Floats: TypeAlias = NDArray[np.float64]
Indices: TypeAlias = NDArray[np.intp]


@dataclass(frozen=True)
class SurfaceDistances:
    """The distance from every surface voxel to the nearest surface voxel of the other mask.

    Attributes:
        prediction_to_reference_mm: The distance of each surface voxel of the prediction, in array order. All are
            infinite if the reference is empty.
        reference_to_prediction_mm: The distance of each surface voxel of the reference, likewise.
    """

    prediction_to_reference_mm: Floats
    reference_to_prediction_mm: Floats

    @property
    def assd_mm(self) -> float:
        """Average symmetric surface distance (ASSD): the mean of the two directed means.

        Eq. 9 of the paper (doi:10.32604/iasc.2022.019785). In mm. Infinity if one mask is empty, nan if both are empty.
        """
        if not self._are_measurable:
            return self._unmeasurable
        return float(self.prediction_to_reference_mm.mean() + self.reference_to_prediction_mm.mean()) / 2

    @property
    def hd95_mm(self) -> float:
        """The larger of the two directed 95th percentiles (linear interpolation).

        In mm. Infinity if one mask is empty, nan if both are empty.
        """
        if not self._are_measurable:
            return self._unmeasurable
        directed = (self.prediction_to_reference_mm, self.reference_to_prediction_mm)
        return max(float(np.percentile(distances, 95)) for distances in directed)

    @property
    def hd_mm(self) -> float:
        """The largest distance (Hausdorff). In mm. Infinity if one mask is empty, nan if both are empty."""
        if not self._are_measurable:
            return self._unmeasurable
        return float(max(self.prediction_to_reference_mm.max(), self.reference_to_prediction_mm.max()))

    def nsd(self, tolerance_mm: float) -> float:
        """Normalised surface Dice (NSD): the fraction of the surface voxels within a tolerance of the other surface.

        All surface voxels have the same weight. (Nikolov et al. 2021, doi:10.2196/26151, weight them by area.)

        Args:
            tolerance_mm: Largest distance that counts as agreement, in mm.

        Returns:
            A value from 0 to 1. 0 if one mask is empty, nan if both are empty.
        """
        directed = (self.prediction_to_reference_mm, self.reference_to_prediction_mm)
        n_surface = sum(distances.size for distances in directed)
        if not n_surface:
            return math.nan
        n_close = sum(int(np.count_nonzero(distances <= tolerance_mm + ROUNDING_MM)) for distances in directed)
        return n_close / n_surface

    @property
    def _are_measurable(self) -> bool:
        return bool(self.prediction_to_reference_mm.size and self.reference_to_prediction_mm.size)

    @property
    def _unmeasurable(self) -> float:
        return math.inf if self.prediction_to_reference_mm.size or self.reference_to_prediction_mm.size else math.nan


def surface_voxels(mask: Mask, *, ignored: Mask | None = None, in_plane: bool = False) -> Mask:
    """Return the foreground voxels that share a face with a background voxel.

    Everything outside the array counts as background. An ignored voxel does not count as background.

    Args:
        mask: Shape (Z, Y, X). Must be False where ``ignored`` is True.
        ignored: Voxels to exclude, of the same shape.
        in_plane: Whether only the four faces within a slice count, as for 2D images.

    Returns:
        A mask of the same shape.

    Example:
        >>> int(surface_voxels(np.ones((3, 3, 3), dtype=bool)).sum())
        26
    """
    solid = mask if ignored is None else mask | ignored
    return mask & ~interior_voxels(mask, solid, (1, 2) if in_plane else (0, 1, 2))


def surface_distances(
    prediction: ArrayLike,
    reference: ArrayLike,
    spacing_mm: Sequence[float],
    *,
    ignored: ArrayLike | None = None,
    in_plane: bool = False,
) -> SurfaceDistances:
    """Measure the distances between the surfaces of two masks.

    Surface voxels of both masks have distance 0. Only the others are looked up in a KD-tree.

    Args:
        prediction: Binary mask, shape (Z, Y, X).
        reference: Binary mask of the same shape.
        spacing_mm: Size of a voxel along (Z, Y, X).
        ignored: Voxels to exclude, a binary mask of the same shape. They belong to neither mask, and a face towards
            such a voxel is not a surface. Exception: if a mask then has no surface at all, it is one.
        in_plane: Whether surfaces are the contours of each slice, as for 2D images.

    Raises:
        ValueError: When the shapes differ, are not three-dimensional, a mask is not binary, or the spacing is not
            three finite positive numbers.

    Example:
        Two single voxels at a distance of three slices of 2 mm.

        >>> first, second = np.zeros((5, 3, 3), dtype=bool), np.zeros((5, 3, 3), dtype=bool)
        >>> first[0, 1, 1] = second[3, 1, 1] = True
        >>> surface_distances(first, second, (2.0, 1.0, 1.0)).assd_mm
        6.0
    """
    spacing = checked_spacing(spacing_mm)
    masks = checked_pair(prediction, reference, ignored)
    hidden = None if ignored is None else np.asarray(ignored) != 0
    first, second = (_surface_indices(mask, hidden, in_plane) for mask in masks)
    shape = masks[0].shape
    return SurfaceDistances(_directed_mm(first, second, shape, spacing), _directed_mm(second, first, shape, spacing))


def _surface_indices(mask: Mask, ignored: Mask | None, in_plane: bool = False) -> Indices:
    """Return the flat indices of the surface voxels, ascending."""
    if ignored is None and np.count_nonzero(mask) * SPARSE < mask.size:
        return _sparse_surface_indices(mask, in_plane)
    box = bounding_box(mask)  # a box for each mask: a distant voxel of one mask does not slow down the other
    if box is None:
        return np.empty(0, dtype=np.intp)
    if ignored is not None:
        box = grow_box(box, mask.shape)  # include the ignored neighbours
    inside = mask[box]
    hidden = None if ignored is None else ignored[box]
    found = [_indices_in_slab(inside, hidden, part, in_plane) for part in slabs(inside.shape)]
    if hidden is not None and not any(z.size for z, _y, _x in found):
        found = [_indices_in_slab(inside, None, part, in_plane) for part in slabs(inside.shape)]
    axes = (np.concatenate(parts) + side.start for parts, side in zip(zip(*found, strict=True), box, strict=True))
    indices: Indices = np.ravel_multi_index(tuple(axes), mask.shape)
    return indices


def _indices_in_slab(mask: Mask, ignored: Mask | None, part: slice, in_plane: bool) -> tuple[Indices, ...]:
    """Return the indices (z, y, x) of the surface voxels in some slices. Their neighbours are looked at, too."""
    near = slice(max(part.start - 1, 0), part.stop + 1)
    surface = surface_voxels(mask[near], ignored=None if ignored is None else ignored[near], in_plane=in_plane)
    z, y, x = np.nonzero(surface[part.start - near.start : part.stop - near.start])
    return z + part.start, y, x


def _sparse_surface_indices(mask: Mask, in_plane: bool = False) -> Indices:
    """Do the same for a mask that fills little of the volume: only its foreground voxels are processed."""
    flat = mask.reshape(-1)
    voxels = np.flatnonzero(flat)
    is_enclosed = np.ones(voxels.size, dtype=bool)
    step = 1
    axes = list(zip(np.unravel_index(voxels, mask.shape)[::-1], mask.shape[::-1], strict=True))
    for place, edge in axes[:2] if in_plane else axes:
        is_enclosed &= (place > 0) & (place < edge - 1)
        for neighbour in (voxels - step, voxels + step):
            is_enclosed &= flat.take(neighbour, mode="clip")  # voxels at the border are not enclosed, see above
        step *= edge
    return voxels[~is_enclosed]


def _directed_mm(source: Indices, target: Indices, shape: tuple[int, ...], spacing_mm: Sequence[float]) -> Floats:
    """Return the distance from every voxel of ``source`` to ``target``. Voxels in both have distance 0."""
    distances = np.zeros(source.size)
    if not target.size:
        distances[:] = np.inf
        return distances
    places = np.minimum(np.searchsorted(target, source), target.size - 1)
    is_alone = target[places] != source
    if is_alone.any():
        points = _points_mm(target, shape, spacing_mm)
        tree = cKDTree(
            points, leafsize=24, balanced_tree=False, compact_nodes=False
        )  # the fastest settings that we measured
        distances[is_alone] = tree.query(_points_mm(source[is_alone], shape, spacing_mm))[0]
    return distances


def _points_mm(indices: Indices, shape: tuple[int, ...], spacing_mm: Sequence[float]) -> Floats:
    axes = np.unravel_index(indices, shape)
    return np.stack([axis * step for axis, step in zip(axes, spacing_mm, strict=True)], axis=1)
