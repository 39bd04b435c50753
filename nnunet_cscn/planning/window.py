"""The window of the cascade: what the coarse network sees, and by how much it is pooled so that it stays cheap."""

from __future__ import annotations

import math
from collections.abc import Sequence

LARGEST_SHARE = 0.5  # of the voxels of nnU-Net's patch that the pooled window may have
SMALLEST_EDGE = 4  # voxels per axis that pooling leaves


def pooling_for(window: Sequence[int], strides: Sequence[Sequence[int]], patch_size: Sequence[int]) -> list[int]:
    """Return by how much to pool a window so that the coarse network costs at most half of a U-Net on the patch.

    The plan's resolutions are tried from the first stride down; where none is coarse enough, the last one that leaves
    four voxels along each axis is taken.

    Args:
        window: Voxels per axis.
        strides: Stride on entering each stage of the window's plan.
        patch_size: The patch that nnU-Net would train on.

    Returns:
        Voxels per axis that become one; all 1 for a plan without any stride.

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
