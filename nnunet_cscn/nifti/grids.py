"""Where a file's voxels lie, and how two grids differ."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK
from numpy.typing import NDArray

from nnunet_cscn.errors import UserError
from nnunet_cscn.nifti.itk_path import itk_path

TOLERANCE = 1e-3
"""How far spacing and origin (mm) and direction cosines may differ: what float32 and other programs' rounding do."""


@dataclass(frozen=True)
class Grid:
    """The geometry of a volume, in the file's order (x, y, z).

    Attributes:
        shape: Voxels along each axis.
        spacing_mm: Size of a voxel.
        origin_mm: Place of the first voxel's centre.
        direction: Direction cosines, row by row.
    """

    shape: tuple[int, ...]
    spacing_mm: tuple[float, ...]
    origin_mm: tuple[float, ...]
    direction: tuple[float, ...]

    def affine(self) -> NDArray[np.float64]:
        """Return the matrix (4, 4) from indices (x, y, z, 1) of voxels to the places of their centres in mm."""
        matrix = np.eye(4)
        matrix[:3, :3] = np.reshape(self.direction, (3, 3)) * self.spacing_mm
        matrix[:3, 3] = self.origin_mm
        return matrix


def read_grid(path: Path) -> Grid:
    """Read a file's geometry, without its voxels.

    Raises:
        UserError: When the file cannot be read or is no single-channel volume of three dimensions. The text is the
            reason, without the file's name.
    """
    reader = SimpleITK.ImageFileReader()
    with itk_path(path) as name:
        reader.SetFileName(name)
        try:
            reader.ReadImageInformation()
        except RuntimeError as fault:
            raise UserError(f"the file cannot be read ({_last_words(fault)})") from None
    if reader.GetDimension() != 3:
        raise UserError(f"expected 3 dimensions, the file has {reader.GetDimension()} {reader.GetSize()}")
    if reader.GetNumberOfComponents() != 1:
        raise UserError(f"expected one value per voxel, the file has {reader.GetNumberOfComponents()}")
    grid = Grid(reader.GetSize(), reader.GetSpacing(), reader.GetOrigin(), reader.GetDirection())
    if not all(math.isfinite(step) and step > 0 for step in grid.spacing_mm):
        raise UserError(f"expected a positive spacing, got {_listed(grid.spacing_mm)} mm")
    return grid


def grid_differences(grid: Grid, other: Grid, others_name: str, *, tolerance: float = TOLERANCE) -> list[str]:
    """Say in words what differs between two grids.

    Args:
        grid: A grid.
        other: The grid that it should be.
        others_name: What the phrases call that one, such as "the reference".
        tolerance: Largest difference that counts as none: mm for spacing and origin, cosines for the direction.

    Returns:
        One phrase for each property that differs; empty when the grids agree.

    Example:
        >>> first = Grid((4, 4, 4), (1.0, 1.0, 3.0), (0.0, 0.0, 0.0), (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0))
        >>> second = Grid((4, 4, 4), (1.0, 1.0, 2.5), (0.0, 0.0, 0.0), (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0))
        >>> grid_differences(first, second, "the image")
        ['spacing (1, 1, 3) mm, the image has (1, 1, 2.5) mm']
    """
    if grid.shape != other.shape:
        return [f"shape {_listed(grid.shape)}, {others_name} has {_listed(other.shape)}"]
    properties = (
        ("spacing", " mm", grid.spacing_mm, other.spacing_mm),
        ("origin", " mm", grid.origin_mm, other.origin_mm),
        ("direction", "", grid.direction, other.direction),
    )
    return [
        f"{name} {_listed(first)}{unit}, {others_name} has {_listed(second)}{unit}"
        for name, unit, first, second in properties
        if not all(abs(a - b) <= tolerance for a, b in zip(first, second, strict=True))
    ]


def _listed(values: Sequence[float]) -> str:
    return "(" + ", ".join(f"{value:.7g}" for value in values) + ")"


def _last_words(fault: RuntimeError) -> str:
    """SimpleITK's message without the places in its source."""
    lines = [line.strip() for line in str(fault).splitlines() if line.strip()]
    return lines[-1].split("ERROR: ")[-1] if lines else "no reason given"
