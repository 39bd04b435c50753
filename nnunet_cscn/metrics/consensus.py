"""What several observers agree on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import SimpleITK

from nnunet_cscn.metrics.masks import Mask, grown, occupied_box


def majority(masks: Sequence[Mask]) -> Mask:
    """Return the voxels that more than half of the observers marked; of two observers, those that both did.

    Args:
        masks: One for each observer, of the same shape (Z, Y, X).

    Raises:
        ValueError: When there is none or the shapes differ.

    Example:
        >>> majority([np.array([[[1, 1, 0]]], bool), np.array([[[1, 0, 0]]], bool), np.array([[[1, 1, 1]]], bool)])
        array([[[ True,  True, False]]])
    """
    _check(masks)
    votes: Mask = np.sum(masks, axis=0) * 2 > len(masks)
    return votes


def staple(masks: Sequence[Mask]) -> Mask:
    """Return the voxels that STAPLE takes for true with a probability of a half or more.

    STAPLE (Warfield et al. 2004, doi:10.1109/TMI.2004.828354) weighs observers by their estimated sensitivity and
    specificity. How much is background decides its prior, so it is run in the box around all marked voxels, one voxel
    wider: large empty margins would make it take whatever anybody marked.

    Args:
        masks: One for each observer, of the same shape (Z, Y, X).

    Raises:
        ValueError: When there is none or the shapes differ.

    Example:
        >>> mask = np.zeros((3, 5, 5), dtype=bool)
        >>> mask[1, 1:4, 1:4] = True
        >>> bool((staple([mask, mask, mask]) == mask).all())
        True
    """
    _check(masks)
    consensus = np.zeros(masks[0].shape, dtype=bool)
    box = occupied_box(np.logical_or.reduce(masks))
    if box is None:
        return consensus
    box = grown(box, consensus.shape)
    parts = [mask[box] for mask in masks]
    if all(np.array_equal(parts[0], part) for part in parts[1:]):  # nothing to weigh; STAPLE would divide by zero
        consensus[box] = parts[0]
        return consensus
    images = [SimpleITK.GetImageFromArray(part.astype(np.uint8)) for part in parts]
    consensus[box] = SimpleITK.GetArrayFromImage(SimpleITK.STAPLE(images, 1.0)) >= 0.5
    return consensus


def _check(masks: Sequence[Mask]) -> None:
    if not masks or len({mask.shape for mask in masks}) != 1:
        raise ValueError("masks: expected one or more of the same shape")
