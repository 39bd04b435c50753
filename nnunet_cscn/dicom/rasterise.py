"""Fill the contours of a region: even-odd at the centres of voxels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from nnunet_cscn.dicom.combining import combine
from nnunet_cscn.dicom.polygons import Mask, Patch, area, area_inside, filled
from nnunet_cscn.dicom.stack import Floats, Stack
from nnunet_cscn.errors import UserError

OFF_PLANE = 0.5  # contours this share of the slices' spacing off every slice belong to none
SAME_PLANE = 0.1  # contours this share of the spacing apart are in one plane
_EXACT = 1e-6


@dataclass(frozen=True)
class Filling:
    """A filled region, and how its contours were used.

    Attributes:
        mask: Shape (slices, rows, columns).
        joined: Slices in which contours cross and were joined.
        holes: Slices in which a contour is a hole of another one.
        too_small: Slices of contours that hold no voxel centre.
        offset_mm: Largest distance of a filled contour from its slice.
        between: Number of contours that are not filled because another plane is nearer to the slice.
        outside: Share of the area of the region outside the images, from 0 to 1.
        outside_mm: Largest distance from the edge of the images to this part.
        beyond: Number of contours before the first or behind the last slice. They are not filled.
        beyond_mm: Their largest distance from the nearest slice.
    """

    mask: Mask
    joined: tuple[int, ...] = ()
    holes: tuple[int, ...] = ()
    too_small: tuple[int, ...] = ()
    offset_mm: float = 0.0
    between: int = 0
    outside: float = 0.0
    outside_mm: float = 0.0
    beyond: int = 0
    beyond_mm: float = 0.0


@dataclass
class _OnSlice:
    """Contours of one slice: their pixels by how they are combined."""

    closed: list[Patch] = field(default_factory=list)
    exclusive: list[Patch] = field(default_factory=list)


def rasterise(contours: Iterable[ArrayLike], stack: Stack) -> Mask:
    """Return the voxels whose centres lie inside the contours, as ``fill_contours`` does.

    Args:
        contours: Points of each contour in the patient's coordinates, shape (N, 3).
        stack: The image's slices.

    Returns:
        A mask of the stack's shape.

    Raises:
        UserError: When a contour lies across the slices, or before the first or behind the last one.
    """
    return fill_contours([np.asarray(contour, dtype=np.float64).reshape(-1, 3) for contour in contours], stack).mask


def fill_contours(
    contours: Sequence[Floats], stack: Stack, *, exclusive: Sequence[bool] = (), cut: bool = False
) -> Filling:
    """Fill the closed contours of a region.

    In one slice, a contour inside another one is a hole (as is the inner part of a keyhole), and contours that cross
    each other are joined. Exclusive ones are combined by exclusive or. Each contour belongs to the slice that is
    nearest to it; where contours lie on several planes near one slice, the nearest plane counts.

    Args:
        contours: Points of each contour in the patient's coordinates, shape (N, 3).
        stack: The image's slices.
        exclusive: Which of them are CLOSEDPLANAR_XOR; none by default.
        cut: Whether contours before the first or behind the last slice are left out and counted, instead of refused.

    Raises:
        UserError: When a contour lies across the slices, before the first or behind the last one, or half-way between
            two.
    """
    mask = np.zeros(stack.shape, dtype=bool)
    drawn = [(points, index) for index, points in enumerate(contours) if len(points) >= 3]
    if not drawn:
        return Filling(mask)
    nearest, offsets = _nearest_slices([points for points, _ in drawn], stack)
    beyond = _beyond(nearest, offsets, stack, cut=cut)
    chosen = _nearest_planes(nearest, offsets, stack.slice_spacing_mm) & ~beyond
    between = ~chosen & ~beyond
    _refuse_half_way(nearest, offsets, chosen, between, stack)
    slices: dict[int, _OnSlice] = {}
    too_small, total, inside, reach = list[int](), 0.0, 0.0, 0.0
    for number in (*np.flatnonzero(chosen), *np.flatnonzero(between)):
        points, index = drawn[number]
        pixels = stack.pixel_coordinates(points)
        patch = filled(pixels, stack.shape[1:])
        if between[number] and _is_covered(patch, int(nearest[number]), slices):
            continue
        on_slice = slices.setdefault(int(nearest[number]), _OnSlice())
        (on_slice.exclusive if exclusive and exclusive[index] else on_slice.closed).append(patch)
        between[number] = False
        size, size_inside = area(pixels), area_inside(pixels, stack.shape[1:])
        total, inside = total + size, inside + size_inside
        if size_inside < size:
            reach = max(reach, _reach_mm(pixels, stack))
        if not patch.count and size_inside >= 0.5 * size:
            too_small.append(int(nearest[number]))
    joined, holes = _combine_slices(slices, mask)
    used = ~beyond & ~between
    return Filling(
        mask,
        joined=joined,
        holes=holes,
        too_small=tuple(sorted(set(too_small))),
        offset_mm=float(np.abs(offsets[used]).max(initial=0.0)),
        between=int(between.sum()),
        outside=max(0.0, 1 - inside / total) if total and reach else 0.0,
        outside_mm=reach,
        beyond=int(beyond.sum()),
        beyond_mm=float(np.abs(offsets[beyond]).max(initial=0.0)),
    )


def _nearest_slices(contours: Sequence[Floats], stack: Stack) -> tuple[np.ndarray, Floats]:
    """The slice that is nearest to each contour, and how far above it the contour lies in mm."""
    limit = OFF_PLANE * stack.slice_spacing_mm
    lengths = np.array([len(points) for points in contours])
    heights = np.split(stack.heights_mm(np.concatenate(contours)), np.cumsum(lengths)[:-1])
    middles = np.array([float(np.median(each)) for each in heights])
    if max(float(np.abs(each - middle).max()) for each, middle in zip(heights, middles, strict=True)) > limit:
        raise UserError(
            "the contours are not parallel to the slices of the image; use the series on which they were drawn"
        )
    positions = np.asarray(stack.positions_mm)
    nearest = np.abs(positions[None, :] - middles[:, None]).argmin(axis=1)
    offsets: Floats = middles - positions[nearest]
    return nearest, offsets


def _beyond(nearest: np.ndarray, offsets: Floats, stack: Stack, *, cut: bool) -> Mask:
    """Which contours lie before the first or behind the last slice by half a slice and more."""
    limit = OFF_PLANE * stack.slice_spacing_mm * (1 - _EXACT)
    beyond: Mask = ((nearest == 0) & (offsets <= -limit)) | ((nearest == stack.shape[0] - 1) & (offsets >= limit))
    if beyond.any() and not cut:
        farthest = float(np.abs(offsets[beyond]).max())
        raise UserError(
            f"{_counted(int(beyond.sum()))} up to {farthest:.1f} mm from the nearest slice, before the first or behind "
            "the last one: add the missing slices, or use the series on which the contours were drawn"
        )
    return beyond


def _counted(count: int) -> str:
    return "a contour lies" if count == 1 else f"{count} contours lie"


def _nearest_planes(nearest: np.ndarray, offsets: Floats, spacing_mm: float) -> Mask:
    """Which contours lie on the plane that is nearest to their slice."""
    chosen = np.zeros(len(nearest), bool)
    for index in np.unique(nearest):
        here = np.flatnonzero(nearest == index)
        best = offsets[here][np.abs(offsets[here]).argmin()]
        is_on_plane = np.abs(offsets[here] - best) <= SAME_PLANE * spacing_mm
        chosen[here] = is_on_plane | (np.abs(offsets[here]) <= SAME_PLANE * spacing_mm)
    return chosen & (np.abs(offsets) < OFF_PLANE * spacing_mm * (1 - _EXACT))


def _refuse_half_way(nearest: np.ndarray, offsets: Floats, chosen: Mask, between: Mask, stack: Stack) -> None:
    """Refuse contours half a slice off every slice, unless the slices on both sides have contours of their own."""
    limit = OFF_PLANE * stack.slice_spacing_mm * (1 - _EXACT)
    filled_slices = set(nearest[chosen].tolist())
    for number in np.flatnonzero(between & (np.abs(offsets) >= limit)):
        sides = {int(nearest[number]), int(nearest[number] + np.sign(offsets[number]))}
        if not sides <= filled_slices:
            raise UserError(
                f"a contour lies {abs(offsets[number]):.1f} mm from the nearest slice, which is half a slice or more "
                f"(slices are {stack.slice_spacing_mm:.4g} mm apart): use the series on which it was drawn"
            )


def _is_covered(patch: Patch, index: int, slices: dict[int, _OnSlice]) -> bool:
    """Whether a contour between planes meets one on its slice or the next ones, so that nothing is lost without it."""
    near = [slices[each] for each in (index - 1, index, index + 1) if each in slices]
    return not patch.count or any(
        patch.shared_with(other) for on_slice in near for other in (*on_slice.closed, *on_slice.exclusive)
    )


def _reach_mm(pixels: Floats, stack: Stack) -> float:
    """How far a contour reaches beyond the edges of the image, in mm."""
    sizes, steps = np.array([stack.shape[2], stack.shape[1]]), np.array(stack.pixel_spacing_mm[::-1])
    beside = np.maximum(-0.5 - pixels, pixels - (sizes - 0.5)).clip(min=0) * steps
    return float(beside.max())


def _combine_slices(slices: dict[int, _OnSlice], mask: Mask) -> tuple[tuple[int, ...], tuple[int, ...]]:
    joined, holes = list[int](), list[int]()
    for index in sorted(slices):
        on_slice = slices[index]
        found = combine(on_slice.closed, mask[index])
        if found.has_crossing:
            joined.append(index)
        if found.has_holes:
            holes.append(index)
        for patch in on_slice.exclusive:
            patch.window(mask[index])[:] ^= patch.pixels
    return tuple(joined), tuple(holes)
