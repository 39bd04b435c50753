"""The pooling factors for the window of the cascade."""

from __future__ import annotations

import math
from collections.abc import Sequence

LARGEST_SHARE = 0.5  # largest number of voxels of the pooled window, as a fraction of nnU-Net's patch
SMALLEST_EDGE = 4  # smallest number of voxels along an axis of the pooled window


def pooling_for(window: Sequence[int], strides: Sequence[Sequence[int]], patch_size: Sequence[int]) -> list[int]:
    """Return the pooling factors with which the coarse network costs at most half as much as a U-Net on the patch.

    The resolutions of the plan are tried in turn, starting with the first stride above 1. If none is low enough, the
    last one with at least four voxels along each axis is used.

    Args:
        window: Window in voxels per axis.
        strides: Stride at the start of each stage of the plan for the window.
        patch_size: Patch size on which nnU-Net would train.

    Returns:
        Pooling factor per axis; all 1 if the plan has no stride above 1.

    Example:
        >>> pooling_for((32, 128, 128), [(1, 1, 1), (1, 2, 2), (2, 2, 2), (2, 2, 2)], (32, 64, 64))
        [2, 4, 4]
    """
    chosen = steps = [1] * len(window)
    for strided in strides:
        steps = [step * stride for step, stride in zip(steps, strided, strict=True)]
        pooled = [edge // step for edge, step in zip(window, steps, strict=True)]
        if max(steps) == 1:
            continue
        if min(pooled) < SMALLEST_EDGE and max(chosen) > 1:
            break
        chosen = steps
        if math.prod(pooled) <= LARGEST_SHARE * math.prod(patch_size):
            break
    return chosen
