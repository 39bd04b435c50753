"""Check masks and spacing, and find bounding boxes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Mask: TypeAlias = NDArray[np.bool_]
Box: TypeAlias = tuple[slice, slice, slice]

SLAB_VOXELS = 2**23  # the part of a volume that is processed at once


def checked_mask(name: str, array: ArrayLike) -> Mask:
    """Return ``array`` as a boolean mask.

    Args:
        name: The name of the argument, for the error message.
        array: Booleans, or numbers 0 and 1. Shape (Z, Y, X).

    Returns:
        The mask. Arrays of one byte per element are not copied.

    Raises:
        ValueError: When the array is not three-dimensional or contains other values than 0 and 1.

    Example:
        >>> checked_mask("prediction", [[[0, 1]]])
        array([[[False,  True]]])
        >>> checked_mask("prediction", [[[0, 2]]])
        Traceback (most recent call last):
        ...
        ValueError: prediction: expected a binary mask of 0 and 1, got the value 2
    """
    values: NDArray[Any] = np.asarray(array)
    if values.ndim != 3:
        raise ValueError(f"{name}: expected 3 dimensions (Z, Y, X), got shape {values.shape}")
    if values.dtype == np.bool_:
        return values
    if values.dtype.kind not in "iuf":
        raise ValueError(f"{name}: expected a binary mask of 0 and 1, got values of type {values.dtype}")
    if values.dtype == np.uint8:
        odd = values[values > 1] if values.size and values.max() > 1 else values[:0]
    else:
        odd = values[(values != 0) & (values != 1)]
    if odd.size:
        raise ValueError(f"{name}: expected a binary mask of 0 and 1, got the value {odd.flat[0]}")
    return values.view(np.bool_) if values.dtype == np.uint8 else values.astype(np.bool_)


def checked_pair(prediction: ArrayLike, reference: ArrayLike, ignored: ArrayLike | None) -> tuple[Mask, Mask]:
    """Check both masks and remove the ignored voxels from both.

    Args:
        prediction: Binary mask, shape (Z, Y, X).
        reference: Binary mask of the same shape.
        ignored: Voxels to exclude, a binary mask of the same shape. None to exclude nothing.

    Returns:
        Prediction and reference as booleans.

    Raises:
        ValueError: When the shapes differ, are not three-dimensional, or a mask is not binary.
    """
    first, second = checked_mask("prediction", prediction), checked_mask("reference", reference)
    if first.shape != second.shape:
        raise ValueError(f"prediction: expected the reference's shape {second.shape}, got {first.shape}")
    if ignored is None:
        return first, second
    third = checked_mask("ignored", ignored)
    if third.shape != second.shape:
        raise ValueError(f"ignored: expected the reference's shape {second.shape}, got {third.shape}")
    return first & ~third, second & ~third


def checked_spacing(spacing_mm: Sequence[float]) -> tuple[float, float, float]:
    """Return the spacing as three floats.

    Args:
        spacing_mm: Size of a voxel along (Z, Y, X).

    Raises:
        ValueError: When these are not three finite positive numbers.
    """
    try:
        values = tuple(float(value) for value in spacing_mm)
    except (TypeError, ValueError):
        values = ()
    if len(values) != 3 or not all(np.isfinite(value) and value > 0 for value in values):
        raise ValueError(f"spacing_mm: expected 3 finite positive numbers, got {spacing_mm}")
    return values


def slabs(shape: Sequence[int]) -> Iterator[slice]:
    """Yield ranges of slices that cover a volume, so that large volumes need little memory besides their own.

    Args:
        shape: Shape (Z, Y, X).
    """
    step = max(1, SLAB_VOXELS // max(1, int(shape[1]) * int(shape[2])))
    for start in range(0, shape[0], step):
        yield slice(start, min(start + step, shape[0]))


def bounding_box(occupied: NDArray[Any]) -> Box | None:
    """Return the smallest box that contains all nonzero voxels.

    Args:
        occupied: Booleans or integers of shape (Z, Y, X).

    Returns:
        One slice for each axis, or None if all voxels are zero.

    Example:
        >>> bounding_box(np.array([[[0, 0, 3], [0, 0, 0]]]))
        (slice(0, 1, None), slice(0, 1, None), slice(2, 3, None))
    """
    slabs = np.flatnonzero(occupied.any(axis=(1, 2)))
    if not slabs.size:
        return None
    part = occupied[slabs[0] : slabs[-1] + 1]  # search the other axes only in the nonzero part
    seen_from_above = np.bitwise_or.reduce(part, axis=0)
    hits = (slabs, np.flatnonzero(seen_from_above.any(axis=1)), np.flatnonzero(seen_from_above.any(axis=0)))
    z, y, x = (slice(int(hit[0]), int(hit[-1]) + 1) for hit in hits)
    return z, y, x


def common_bounding_box(*masks: Mask) -> Box | None:
    """Return the smallest box that contains the foreground of all masks (of one shape). None if all masks are empty."""
    return enclosing_box([box for box in map(bounding_box, masks) if box is not None])


def enclosing_box(boxes: Sequence[Box]) -> Box | None:
    """Return the smallest box that contains all boxes. None if there is none."""
    if not boxes:
        return None
    z, y, x = (
        slice(min(part.start for part in parts), max(part.stop for part in parts)) for parts in zip(*boxes, strict=True)
    )
    return z, y, x


def shift_box(box: Box, outer: Box) -> Box:
    """Return a box inside of another one as a box of the whole array."""
    z, y, x = (slice(s.start + o.start, s.stop + o.start) for s, o in zip(box, outer, strict=True))
    return z, y, x


def interior_voxels(mask: Mask, solid: Mask, axes: Sequence[int]) -> Mask:
    """Return the voxels of a mask whose neighbours along the given axes are all solid (inside the array).

    Args:
        mask: Shape (Z, Y, X).
        solid: The voxels that cover the face of a neighbour, of the same shape.
        axes: The axes along which neighbours count: three for a surface, two for contours in slices.

    Example:
        >>> mask = np.ones((3, 3, 3), dtype=bool)
        >>> int(interior_voxels(mask, mask, (0, 1, 2)).sum()), int(interior_voxels(mask, mask, (1, 2)).sum())
        (1, 3)
    """
    inner = mask.copy()
    for axis in axes:
        here, there = np.moveaxis(inner, axis, 0), np.moveaxis(solid, axis, 0)
        here[0] = here[-1] = False
        here[1:] &= there[:-1]
        here[:-1] &= there[1:]
    return inner


def grow_box(box: Box, shape: Sequence[int]) -> Box:
    """Enlarge ``box`` by one voxel on every side, but not beyond an array of shape ``shape``."""
    z, y, x = (slice(max(s.start - 1, 0), min(s.stop + 1, n)) for s, n in zip(box, shape, strict=True))
    return z, y, x
