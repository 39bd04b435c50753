"""Distances to the borders of labels, computed on whole volumes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nnunet_cscn.settings.loss import Edge


def distance_to_border(
    labels: NDArray[Any],
    spacing_mm: Sequence[float],
    *,
    ignore_label: int | None = None,
    edge: Edge = "background",
) -> NDArray[np.float32]:
    """Return for each voxel inside a label the distance to the border of that label: d(v, edge) of Eq. 7.

    Args:
        labels: Integers; 0 is the background. Each value is a separate label, so there is a border between two touching
            labels.
        spacing_mm: Distance of neighbouring voxel centres along each axis.
        ignore_label: Label of voxels with unknown class. They get 0 and are not a border.
        edge: ``background``: distance to the nearest voxel outside the label, so at least one voxel size inside the
            label.
            ``surface``: distance to the nearest voxel of the label that has a face neighbour outside it; 0 for that
            voxel.

    Shape:
        labels (Z, Y, X), or 2D; the result has the same shape

    Returns:
        float32, in mm; 0 outside the labels. The edge of the volume is not a border: a label that fills the whole
        volume has no border and gets 0 everywhere.

    Raises:
        ValueError: If a spacing is not positive and finite, or the labels are not integers.

    Example:
        >>> distance_to_border(np.array([[0, 1, 1, 1, 1]]), (1.0, 0.5)).tolist()
        [[0.0, 0.5, 1.0, 1.5, 2.0]]
    """
    labels = np.asarray(labels)
    if not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"labels: expected integers, got {labels.dtype}")
    if len(spacing_mm) != labels.ndim or not all(np.isfinite(s) and s > 0 for s in spacing_mm):
        raise ValueError(f"spacing_mm: expected {labels.ndim} positive numbers, got {tuple(spacing_mm)}")
    distance = np.zeros(labels.shape, dtype=np.float32)
    ignored = None if ignore_label is None else labels == ignore_label
    for label in np.unique(labels):
        if label not in (0, ignore_label):
            inside = labels == label
            distance[inside] = _inside_distance(inside, ignored, spacing_mm, edge)
    return distance


def distance_to_region_borders(
    labels: NDArray[Any],
    regions: Sequence[int | Sequence[int]],
    spacing_mm: Sequence[float],
    *,
    ignore_label: int | None = None,
    edge: Edge = "background",
) -> NDArray[np.float32]:
    """Return one distance map per region. A region is a set of labels, and regions may overlap.

    Args:
        labels: Integers (Z, Y, X).
        regions: The labels of each region.
        spacing_mm: Distance of neighbouring voxel centres along each axis.
        ignore_label: As in :func:`distance_to_border`.
        edge: As in :func:`distance_to_border`.

    Returns:
        float32 (R, Z, Y, X), in mm.
    """
    keep_ignored = [] if ignore_label is None else [ignore_label]
    maps = []
    for region in regions:
        members = [region] if isinstance(region, int) else list(region)
        merged = np.isin(labels, members).astype(np.int16)
        if keep_ignored:
            merged[labels == ignore_label] = 2
        maps.append(distance_to_border(merged, spacing_mm, ignore_label=2 if keep_ignored else None, edge=edge))
    return np.stack(maps)


def excess_weight(
    distance: NDArray[np.float32],
    insides: Sequence[NDArray[np.bool_]],
    *,
    cap_mm: float | None = None,
    normalised: bool,
) -> NDArray[np.float32]:
    """Return alpha - 1 for alpha of Eq. 7: the distance d, optionally capped, and normalised inside each label.

    Args:
        distance: Result of ``distance_to_border``, in mm.
        insides: Masks of the labels; they do not overlap.
        cap_mm: Upper limit of the distance, in mm; None for no limit.
        normalised: Divide alpha by its mean inside each label.

    Returns:
        float32, 0 outside the labels. If normalised, it is negative near a border and its sum over a label is 0, so the
        label's fraction of the loss weight equals its fraction of the voxels.

    Example:
        >>> distance, inside = np.float32([0, 1, 3, 1]), np.array([False, True, True, True])
        >>> excess_weight(distance, [inside], normalised=False).tolist()
        [0.0, 1.0, 3.0, 1.0]
        >>> (1 + excess_weight(distance, [inside], normalised=True)).tolist()  # alpha 2, 4, 2 over their mean 8 / 3
        [1.0, 0.75, 1.5, 0.75]
    """
    excess = distance if cap_mm is None else np.minimum(distance, np.float32(cap_mm))
    if not normalised:
        return excess
    excess = excess.copy()
    for inside in insides:
        if inside.any():
            alpha = excess[inside] + 1
            excess[inside] = alpha / alpha.mean(dtype=np.float64) - 1
    return excess


def _inside_distance(
    inside: NDArray[np.bool_], ignored: NDArray[np.bool_] | None, spacing_mm: Sequence[float], edge: Edge
) -> NDArray[np.float32]:
    """Return the distances at the voxels of ``inside``, in array order."""
    box = tuple(slice(max(0, s.start - 1), s.stop + 1) for s in ndimage.find_objects(inside.astype(np.int8))[0])
    if ignored is not None and ignored[box].any():
        box = (slice(None),) * inside.ndim  # the nearest known border may lie outside the box
    inside_box = inside[box]
    not_border = inside_box if ignored is None else inside_box | ignored[box]
    if edge == "surface":
        not_border = ~(_surface_voxels(inside_box, ~not_border))
    if not_border.all():
        return np.zeros(int(inside_box.sum()), dtype=np.float32)  # without a border scipy's result is undefined
    distance = ndimage.distance_transform_edt(not_border, sampling=spacing_mm)
    result: NDArray[np.float32] = np.asarray(distance, dtype=np.float32)[inside_box]
    return result


def _surface_voxels(inside: NDArray[np.bool_], outside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the voxels of ``inside`` with a face neighbour in ``outside``."""
    reached: NDArray[np.bool_] = ndimage.binary_dilation(outside)
    return inside & reached
