"""The common result of both kinds of anatomy: tissues on a grid and the origin of the tumour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nnunet_cscn.phantom.grid import Grid
from nnunet_cscn.phantom.tissues import Tissue


@dataclass(frozen=True)
class Scene:
    """A part of a head without tumour.

    Attributes:
        grid: The voxel grid.
        structures: Number of the structure at each voxel, (Z, Y, X). Structures of the same tissue differ in grey
            value.
        tissues: Tissue of each structure, by its number.
        origin_mm: Origin of the tumour, (z, y, x) from the centre of the field of view.
    """

    grid: Grid
    structures: NDArray[np.int16]
    tissues: tuple[Tissue, ...]
    origin_mm: tuple[float, float, float]

    def tissue_map(self) -> NDArray[np.uint8]:
        """Return the tissue at each voxel, (Z, Y, X)."""
        of_structure = np.array(self.tissues, dtype=np.uint8)
        tissues: NDArray[np.uint8] = of_structure[self.structures]
        return tissues
