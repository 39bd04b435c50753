"""Combine the masks of several labels into one label map."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from nnunet_cscn.errors import UserError
from nnunet_cscn.texts import counted


def layered_labels(
    shape: tuple[int, ...], masks: Iterable[tuple[str, int, NDArray[np.bool_]]]
) -> tuple[NDArray[np.uint8], list[str]]:
    """Combine masks into one label map. If two overlap, the later one is on top.

    Args:
        shape: Shape of the label map, (Z, Y, X).
        masks: Name, value (1 to 255) and mask of each label, in their order. They may come from a generator, to save
            memory.

    Returns:
        The label map, and a note for each label that is partly covered by later ones.

    Raises:
        UserError: When a label is completely covered by later ones.

    Example:
        >>> first, second = np.array([[[True, True]]]), np.array([[[False, True]]])
        >>> voxels, notes = layered_labels((1, 1, 2), [("GTVp", 1, first), ("GTVn", 2, second)])
        >>> voxels.tolist(), notes
        ([[[1, 2]]], ['1 voxel of GTVp lies under labels that come after it'])
    """
    voxels = np.zeros(shape, np.uint8)
    drawn: dict[str, tuple[int, int]] = {}
    for name, value, mask in masks:
        voxels[mask] = value
        drawn[name] = value, int(np.count_nonzero(mask))
    notes = []
    for name, (value, n_drawn) in drawn.items():
        n_hidden = n_drawn - int(np.count_nonzero(voxels == value))
        if n_drawn and n_hidden == n_drawn:
            raise UserError(f"{name} is completely covered by later labels: put it after them")
        if n_hidden:
            what = counted(n_hidden, "voxel")
            lies = "lies" if n_hidden == 1 else "lie"
            notes.append(f"{what} of {name} {lies} under labels that come after it")
    return voxels, notes
