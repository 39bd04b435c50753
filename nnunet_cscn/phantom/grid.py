"""The voxel grid of a synthetic image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Grid:
    """Shape and spacing of an image, both in array order.

    Attributes:
        shape: Number of voxels along (z, y, x).
        spacing_mm: Distance between voxel centres along (z, y, x).

    Example:
        >>> Grid((32, 160, 160), (3.0, 0.6, 0.6)).voxel_ml
        0.00108
    """

    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel in ml."""
        return round(float(np.prod(self.spacing_mm)) / 1000.0, 12)

    @property
    def extent_mm(self) -> tuple[float, float, float]:
        """Size of the field of view along (z, y, x)."""
        z, y, x = (count * step for count, step in zip(self.shape, self.spacing_mm, strict=True))
        return z, y, x

    def axes_mm(self) -> list[NDArray[np.float64]]:
        """Return the voxel centres along z, y and x, in mm from the centre of the field of view."""
        sizes = zip(self.shape, self.spacing_mm, strict=True)
        return [np.asarray(step * (np.arange(count) - (count - 1) / 2), dtype=np.float64) for count, step in sizes]
