"""NIfTI files whose axes are not perpendicular, which ITK refuses to read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nnunet_cscn.errors import UserError
from nnunet_cscn.nifti.header import read_header, volume_shape

LARGEST_SHEAR_DEGREES = 0.1
"""Largest shear to ignore. At 300 mm from the first voxel, it moves a voxel by at most 0.5 mm."""

ROUNDING_DEGREES = 1e-4

_TO_LPS = np.diag([-1.0, -1.0, 1.0])  # NIfTI counts to the right and to the front, ITK to the left and to the back


@dataclass(frozen=True)
class OrthonormalGeometry:
    """The nearest geometry with perpendicular axes, in the order (x, y, z).

    Attributes:
        shape: Voxels along each axis.
        spacing_mm: Size of a voxel along each axis of the file.
        origin_mm: Position of the centre of the first voxel, in ITK's coordinates.
        direction: Direction cosines, row by row.
        shear_degrees: Largest deviation of the angles between the axes of the file from 90 degrees.
    """

    shape: tuple[int, ...]
    spacing_mm: tuple[float, ...]
    origin_mm: tuple[float, ...]
    direction: tuple[float, ...]
    shear_degrees: float


def is_not_orthonormal(fault: RuntimeError) -> bool:
    """Tell whether ITK refused a file because its axes are not perpendicular."""
    return "orthonormal" in str(fault)


def orthonormal_geometry(path: Path) -> OrthonormalGeometry:
    """Return the nearest geometry with perpendicular axes for a sheared NIfTI file.

    The new axes are the orthogonal factor of the polar decomposition. Spacing and first voxel do not change.

    Raises:
        UserError: When the axes are sheared by more than 0.1 degrees, or the file is not a NIfTI volume. The message is
            the reason, without the name of the file.
    """
    header = read_header(path)
    affine = np.asarray(header.get_best_affine(), np.float64)
    steps = _TO_LPS @ affine[:3, :3]
    spacing = np.linalg.norm(steps, axis=0)
    if not (np.isfinite(affine).all() and spacing.all()):
        raise UserError("the file cannot be read (its affine has axes without a length)")
    axes = steps / spacing
    shear = shear_degrees(axes)
    if shear > LARGEST_SHEAR_DEGREES:
        raise UserError(
            f"the axes are sheared by {shear:.2g} degrees; up to {LARGEST_SHEAR_DEGREES:g} are read. Resample image "
            "and labels to perpendicular axes first, such as with nibabel.processing.resample_to_output (order=0 for "
            "labels); a CT with a tilted gantry is corrected by dcm2niix"
        )
    left, _, right = np.linalg.svd(axes)
    return OrthonormalGeometry(
        volume_shape(header),
        tuple(float(step) for step in spacing),
        tuple(float(place) for place in _TO_LPS @ affine[:3, 3]),
        tuple(float(cosine) for cosine in (left @ right).ravel()),
        shear,
    )


def is_sheared(path: Path) -> bool:
    """Tell whether the axes of a NIfTI file are not perpendicular, by more than rounding explains.

    Raises:
        UserError: When the file is not a NIfTI volume. The message is the reason, without the name of the file.
    """
    steps = np.asarray(read_header(path).get_best_affine(), np.float64)[:3, :3]
    lengths = np.linalg.norm(steps, axis=0)
    return bool(lengths.all()) and shear_degrees(steps / lengths) > ROUNDING_DEGREES


def shear_degrees(axes: NDArray[np.float64]) -> float:
    """Return the largest deviation of the angles between three axes from a right angle.

    Args:
        axes: Unit vectors as columns, shape (3, 3).

    Example:
        >>> tilted = np.array([[1.0, np.sin(np.radians(0.5)), 0], [0, np.cos(np.radians(0.5)), 0], [0, 0, 1]])
        >>> round(shear_degrees(tilted), 6)
        0.5
    """
    cosines = (axes.T @ axes)[np.triu_indices(3, 1)]
    return float(np.degrees(np.arcsin(np.clip(np.abs(cosines), 0, 1)).max()))
