"""Several closed contours of one region in one slice: holes, islands in holes, and parts that are joined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nnunet_cscn.dicom.polygons import Mask, Patch

# A hole may stick out of the contour around it by this share of its pixels, as rounding of a common border does it,
_STICKS_OUT = 0.02
_SMALL = 0.5  # if it has at most this share of that contour's pixels; else the two are one contour, drawn twice.


@dataclass(frozen=True)
class Combined:
    """What was found among the contours of a slice: whether some cross, and whether some are holes."""

    has_crossing: bool
    has_holes: bool


def combine(patches: Sequence[Patch], target: Mask) -> Combined:
    """Add the contours of one slice to its mask.

    A contour inside another one is a hole, one inside a hole is an island, and so on. Contours that cross each other
    are joined.

    Args:
        patches: The filled contours.
        target: The slice, shape (rows, columns); changed in place.
    """
    patches = sorted(patches, key=lambda patch: -patch.count)
    around, has_crossing = _relations(patches)
    if not has_crossing and not any(around):
        for patch in patches:
            patch.window(target)[:] |= patch.pixels
        return Combined(has_crossing=False, has_holes=False)
    levels: list[int] = []
    for containers in around:
        levels.append(1 + max((levels[each] for each in containers), default=-1))
    for index, level in enumerate(levels):
        if level % 2:
            continue
        shape = np.zeros_like(target)
        patches[index].window(shape)[:] = patches[index].pixels
        holes = np.zeros_like(target)
        for other, containers in enumerate(around):
            if index in containers and levels[other] == level + 1:
                patches[other].window(holes)[:] |= patches[other].pixels
        target |= shape ^ holes
    return Combined(has_crossing=has_crossing, has_holes=any(level % 2 for level in levels))


def _relations(patches: Sequence[Patch]) -> tuple[list[list[int]], bool]:
    """For each patch, larger ones come first, the numbers of those around it; and whether some cross."""
    counts = [patch.count for patch in patches]
    around: list[list[int]] = [[] for _ in patches]
    has_crossing = False
    for small in range(len(patches)):
        for large in range(small):
            shared = patches[large].shared_with(patches[small])
            if not shared:
                continue
            outside = counts[small] - shared
            is_inside = outside == 0 and counts[small] < counts[large]
            sticks_out = outside <= _STICKS_OUT * counts[small] and counts[small] <= _SMALL * counts[large]
            if is_inside or sticks_out:
                around[small].append(large)
            else:
                has_crossing = True
    return around, has_crossing
