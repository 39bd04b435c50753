"""A volume in memory, and what can read one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nnunet_cscn.nifti.grids import Grid, grid_differences
from nnunet_cscn.nifti.voxel_order import in_order_of


@dataclass(frozen=True)
class Volume:
    """Voxels and where they lie.

    Attributes:
        voxels: Shape (Z, Y, X).
        grid: Where they lie.
    """

    voxels: NDArray[Any]
    grid: Grid

    def on(self, grid: Grid) -> NDArray[Any] | None:
        """Return the voxels in the order of another grid; None where its voxels lie elsewhere."""
        return in_order_of(self.voxels, self.grid, grid)


class VolumeReader(Protocol):
    """What reads volumes: by the files' content, or as nnU-Net does it with a reader of its own.

    Every method raises a UserError whose text is the reason, without the file's name.
    """

    @property
    def endings(self) -> tuple[str, ...] | None:
        """Endings of the files that are volumes; None for all that are known."""

    def grid(self, file: Path) -> Grid:
        """Return where a file's voxels lie."""

    def read(self, file: Path) -> Volume:
        """Return a file's voxels and where they lie."""


def differences(grid: Grid, other: Grid, others_name: str) -> list[str]:
    """Say what differs between two grids; nothing where they have the same voxels in any order.

    Args:
        grid: A grid.
        other: The grid that it should be.
        others_name: What the phrases call that one.
    """
    found = grid_differences(grid, other, others_name)
    return [] if found and have_same_voxels(grid, other) else found


def have_same_voxels(grid: Grid, other: Grid) -> bool:
    """Tell whether two grids have the same voxel centres, in any order of their axes."""
    nothing = np.broadcast_to(np.zeros((), np.uint8), grid.shape[::-1])
    return in_order_of(nothing, grid, other) is not None
