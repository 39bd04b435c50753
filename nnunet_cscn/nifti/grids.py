"""The grid of a volume: shape, spacing, origin and direction, and the differences between two grids."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import SimpleITK
from numpy.typing import NDArray

from nnunet_cscn.errors import UserError
from nnunet_cscn.nifti.itk_path import itk_path
from nnunet_cscn.nifti.shear import is_not_orthonormal, orthonormal_geometry
from nnunet_cscn.nifti.two_geometries import geometry_note

TOLERANCE = 1e-3
"""Largest difference of spacing (mm) and direction cosines to ignore: the rounding of other programs."""

ORIGIN_TOLERANCE_MM = 0.01
"""Largest distance of the first voxels to ignore."""

HALF_A_VOXEL = 0.5
"""Largest distance of corresponding voxels, in voxels: small differences in spacing add up over a large grid."""


@dataclass(frozen=True)
class Grid:
    """The geometry of a volume, in the file's order (x, y, z).

    Attributes:
        shape: Voxels along each axis.
        spacing_mm: Size of a voxel.
        origin_mm: Position of the centre of the first voxel.
        direction: Direction cosines, row by row.
        n_dimensions: 2 for a 2D image, which is one slice of 1 mm; else 3.
        notes: How the grid differs from that of the file, and whether the file has two geometries that differ.
    """

    shape: tuple[int, ...]
    spacing_mm: tuple[float, ...]
    origin_mm: tuple[float, ...]
    direction: tuple[float, ...]
    n_dimensions: int = field(default=3, compare=False)
    notes: tuple[str, ...] = field(default=(), compare=False)

    @property
    def is_flat(self) -> bool:
        """Whether this is the grid of a 2D image."""
        return self.n_dimensions == 2

    def affine(self) -> NDArray[np.float64]:
        """Return the matrix (4, 4) from voxel indices (x, y, z, 1) to the positions of the voxel centres in mm."""
        matrix = np.eye(4)
        matrix[:3, :3] = np.reshape(self.direction, (3, 3)) * self.spacing_mm
        matrix[:3, 3] = self.origin_mm
        return matrix


def read_grid(path: Path) -> Grid:
    """Read the grid of a file, without its voxels.

    Axes of a NIfTI file that are up to 0.1 degrees from perpendicular are replaced by the nearest perpendicular ones.
    If the two geometries of a NIfTI header differ, the one that ITK uses counts, and the notes say so.

    Args:
        path: A file of any format that ITK reads. A 2D image becomes one slice.

    Raises:
        UserError: When the file cannot be read, has other than two or three dimensions, several values per voxel, or
            axes that are sheared more. The message is the reason, without the name of the file.
    """
    reader = SimpleITK.ImageFileReader()
    with itk_path(path) as name:
        reader.SetFileName(name)
        try:
            reader.ReadImageInformation()
        except RuntimeError as fault:
            if is_not_orthonormal(fault):
                return _checked(_sheared_grid(path))
            raise UserError(f"the file cannot be read ({_last_words(fault)})") from None
    if reader.GetDimension() not in (2, 3):
        raise UserError(f"expected 3 dimensions, the file has {reader.GetDimension()} {reader.GetSize()}")
    if reader.GetNumberOfComponents() != 1:
        raise UserError(f"expected one value per voxel, the file has {reader.GetNumberOfComponents()}")
    grid = _checked(grid_from_itk(reader))
    note = geometry_note(path, reader, grid.affine())
    return replace(grid, notes=(note,)) if note else grid


def grid_from_itk(image: SimpleITK.Image | SimpleITK.ImageFileReader) -> Grid:
    """Return the grid of an image or a reader of ITK, of two or three dimensions."""
    size, spacing, origin = image.GetSize(), image.GetSpacing(), image.GetOrigin()
    direction = image.GetDirection()
    if image.GetDimension() == 2:
        a, b, c, d = direction
        return Grid((*size, 1), (*spacing, 1.0), (*origin, 0.0), (a, b, 0.0, c, d, 0.0, 0.0, 0.0, 1.0), n_dimensions=2)
    return Grid(size, spacing, origin, direction)


def grid_differences(grid: Grid, other: Grid, others_name: str, *, tolerance: float | None = None) -> list[str]:
    """Describe the differences between two grids.

    Args:
        grid: A grid.
        other: The expected grid.
        others_name: Name of the expected grid in the phrases, such as "the reference".
        tolerance: Largest difference to ignore: mm for spacing and origin, cosines for the direction. None for the
            rounding of other programs: 0.01 mm for the origin and 0.001 for the others, if no voxel moves by more than
            half of its size.

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
    small = TOLERANCE if tolerance is None else tolerance
    properties = (
        ("spacing", " mm", grid.spacing_mm, other.spacing_mm, small),
        ("origin", " mm", grid.origin_mm, other.origin_mm, ORIGIN_TOLERANCE_MM if tolerance is None else tolerance),
        ("direction", "", grid.direction, other.direction, small),
    )
    found = [
        f"{name} {_listed(first)}{unit}, {others_name} has {_listed(second)}{unit}"
        for name, unit, first, second, allowed in properties
        if not all(abs(a - b) <= allowed for a, b in zip(first, second, strict=True))
    ]
    return found or _drift(grid, other, others_name)


def _drift(grid: Grid, other: Grid, others_name: str) -> list[str]:
    """Return a phrase if small differences add up to more than half a voxel at a corner."""
    corners = np.array([[(n - 1) * ((k >> axis) & 1) for axis, n in enumerate(grid.shape)] for k in range(8)])
    homogeneous = np.c_[corners, np.ones(8)]
    places = np.linalg.solve(other.affine(), grid.affine() @ homogeneous.T)[:3].T
    largest = float(np.abs(places - corners).max())
    if largest <= HALF_A_VOXEL:
        return []
    return [f"corners that are up to {largest:.2g} voxels away from those of {others_name}"]


def _sheared_grid(path: Path) -> Grid:
    geometry = orthonormal_geometry(path)
    note = f"the axes are sheared by {geometry.shear_degrees:.2g} degrees: read as the nearest perpendicular grid"
    return Grid(geometry.shape, geometry.spacing_mm, geometry.origin_mm, geometry.direction, notes=(note,))


def _checked(grid: Grid) -> Grid:
    if not all(math.isfinite(step) and step > 0 for step in grid.spacing_mm):
        raise UserError(f"expected a positive spacing, got {_listed(grid.spacing_mm)} mm")
    if not all(map(math.isfinite, (*grid.origin_mm, *grid.direction))):
        raise UserError(f"expected a finite origin and direction, got {_listed((*grid.origin_mm, *grid.direction))}")
    return grid


def _listed(values: Sequence[float]) -> str:
    return "(" + ", ".join(f"{value:.7g}" for value in values) + ")"


def _last_words(fault: RuntimeError) -> str:
    """Return the message of SimpleITK without its source locations."""
    lines = [line.strip() for line in str(fault).splitlines() if line.strip()]
    return lines[-1].split("ERROR: ")[-1] if lines else "no reason given"
