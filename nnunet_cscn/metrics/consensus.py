"""The consensus of several observers: majority vote and STAPLE."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import SimpleITK

from nnunet_cscn.metrics.masks import Mask, bounding_box, grow_box


def majority(masks: Sequence[Mask]) -> Mask:
    """Return the voxels that more than half of the observers marked. For two observers: the voxels that both marked.

    Args:
        masks: One mask for each observer, all of the same shape (Z, Y, X).

    Raises:
        ValueError: When there is no mask, or the shapes differ.

    Example:
        >>> majority([np.array([[[1, 1, 0]]], bool), np.array([[[1, 0, 0]]], bool), np.array([[[1, 1, 1]]], bool)])
        array([[[ True,  True, False]]])
    """
    _check(masks)
    votes: Mask = np.sum(masks, axis=0) * 2 > len(masks)
    return votes


def staple(masks: Sequence[Mask]) -> Mask:
    """Return the voxels with a STAPLE probability of 0.5 or more.

    STAPLE (Warfield et al. 2004, doi:10.1109/TMI.2004.828354) weights each observer by the estimated sensitivity and
    specificity. Its prior depends on the amount of background: with large empty margins, STAPLE would accept every
    voxel that any observer marked. So it runs in the bounding box of all marked voxels, enlarged by one voxel.

    Args:
        masks: One mask for each observer, all of the same shape (Z, Y, X).

    Raises:
        ValueError: When there is no mask, or the shapes differ.

    Example:
        >>> mask = np.zeros((3, 5, 5), dtype=bool)
        >>> mask[1, 1:4, 1:4] = True
        >>> bool((staple([mask, mask, mask]) == mask).all())
        True
    """
    _check(masks)
    consensus = np.zeros(masks[0].shape, dtype=bool)
    box = bounding_box(np.logical_or.reduce(masks))
    if box is None:
        return consensus
    box = grow_box(box, consensus.shape)
    parts = [mask[box] for mask in masks]
    if all(np.array_equal(parts[0], part) for part in parts[1:]):  # for identical masks STAPLE would divide by zero
        consensus[box] = parts[0]
        return consensus
    images = [SimpleITK.GetImageFromArray(part.astype(np.uint8)) for part in parts]
    consensus[box] = SimpleITK.GetArrayFromImage(SimpleITK.STAPLE(images, 1.0)) >= 0.5
    return consensus


def _check(masks: Sequence[Mask]) -> None:
    if not masks or len({mask.shape for mask in masks}) != 1:
        raise ValueError("masks: expected one or more of the same shape")
