"""The pose of a head in the field of view."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nnunet_cscn.phantom.fields import smooth_field
from nnunet_cscn.phantom.grid import Grid

Floats = NDArray[np.float32]
Matrix = NDArray[np.float64]

_WARP_MM = 2.5
_STEP = 4096.0


@dataclass(frozen=True)
class Pose:
    """Shift, rotation and scale of a head. The origin of the head coordinates is the back wall of the nasopharynx.

    Attributes:
        shift_mm: Position of the nasopharynx, (z, y, x) from the centre of the field of view.
        rotation: Matrix that rotates (x, y, z) of the image to those of the head.
        scale: Size of the head along (x, y, z). 1 is the average size.
    """

    shift_mm: tuple[float, float, float]
    rotation: Matrix
    scale: Matrix

    def to_image(self, point_mm: Matrix) -> tuple[float, float, float]:
        """Convert a point (x, y, z) of the head to (z, y, x) from the centre of the field of view."""
        x, y, z = self.rotation.T @ (point_mm * self.scale)
        return float(z + self.shift_mm[0]), float(y + self.shift_mm[1]), float(x + self.shift_mm[2])

    def coordinates(self, rng: np.random.Generator, grid: Grid) -> tuple[Floats, Floats, Floats]:
        """Return the head coordinates x, y and z at each voxel, with a smooth random deformation of a few mm."""
        z, y, x = (axis - offset for axis, offset in zip(grid.axes_mm(), self.shift_mm, strict=True))
        own = []
        for row, size in zip(self.rotation, self.scale, strict=True):
            plain = row[0] * x[None, None, :] + row[1] * y[None, :, None] + row[2] * z[:, None, None]
            warp = _WARP_MM * smooth_field(rng, grid, length_mm=22.0)
            own.append((np.rint(plain / size * _STEP) / _STEP).astype(np.float32) + warp)
        return own[0], own[1], own[2]


def random_pose(
    rng: np.random.Generator, *, largest_shift_mm: tuple[float, float, float], largest_shift_z_mm: float = np.inf
) -> Pose:
    """Sample a pose: rotation of up to 7 degrees about each axis, size changed by up to 12 %.

    Args:
        rng: Random number generator.
        largest_shift_mm: Largest shift of the nasopharynx in both directions, (z, y, x).
        largest_shift_z_mm: Largest upward shift, for a head that is cut off at the bottom. It may be negative.

    Returns:
        The pose.
    """
    z, y, x = (float(v) for v in rng.uniform(-1, 1, 3) * np.array(largest_shift_mm))
    turns = rotation(*(float(v) for v in np.deg2rad(rng.uniform(-7, 7, 3))))
    scale = rng.uniform(0.92, 1.08) * rng.uniform(0.96, 1.04, 3)
    return Pose((min(z, largest_shift_z_mm), y, x), turns, np.asarray(scale, dtype=np.float64))


def rotation(about_x: float, about_y: float, about_z: float) -> Matrix:
    """Return the matrix of a rotation about x, then y, then z. Angles in radians."""
    cx, sx, cy, sy, cz, sz = (f(a) for a in (about_x, about_y, about_z) for f in (np.cos, np.sin))
    turn_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    turn_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    turn_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return np.asarray(turn_z @ turn_y @ turn_x, dtype=np.float64)
