"""A volume in memory, and the interface of readers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nnunet_cscn.nifti.grids import Grid, grid_differences
from nnunet_cscn.nifti.voxel_order import in_order_of

LARGEST_LABEL = 2**32 - 1
"""Label maps have integers of up to 32 bits. Larger values come from a damaged header or from an image."""


@dataclass(frozen=True)
class Volume:
    """Voxels with their grid.

    Attributes:
        voxels: Shape (Z, Y, X).
        grid: The grid of the voxels.
    """

    voxels: NDArray[Any]
    grid: Grid

    def on(self, grid: Grid) -> NDArray[Any] | None:
        """Return the voxels in the order of another grid. None if it has other voxel centres."""
        return in_order_of(self.voxels, self.grid, grid)


class VolumeReader(Protocol):
    """A reader of volumes: by the content of the files, or with a reader of nnU-Net.

    If a file cannot be read, each method raises a UserError with the reason, without the name of the file.
    """

    @property
    def endings(self) -> tuple[str, ...] | None:
        """File endings of the volumes. None for all known ones."""

    def grid(self, file: Path) -> Grid:
        """Return the grid of a file."""

    def read(self, file: Path) -> Volume:
        """Return the voxels of a file with their grid."""


def differences(grid: Grid, other: Grid, others_name: str) -> list[str]:
    """Describe the differences between two grids. Nothing if they have the same voxels in any order.

    Args:
        grid: A grid.
        other: The expected grid.
        others_name: Name of the expected grid in the phrases.
    """
    found = grid_differences(grid, other, others_name)
    return [] if found and have_same_voxels(grid, other) else found


def have_same_voxels(grid: Grid, other: Grid) -> bool:
    """Tell whether two grids have the same voxel centres, in any order of their axes."""
    nothing = np.broadcast_to(np.zeros((), np.uint8), grid.shape[::-1])
    return in_order_of(nothing, grid, other) is not None
