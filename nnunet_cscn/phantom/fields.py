"""Smooth random fields."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nnunet_cscn.phantom.grid import Grid

_STEP = 4096.0


def smooth_field(
    rng: np.random.Generator, grid: Grid, *, length_mm: float | tuple[float, float, float]
) -> NDArray[np.float32]:
    """Sample a Gaussian random field with mean 0, variance 1 and correlation length ``length_mm``.

    White noise on nodes at a distance of ``length_mm`` is interpolated with Gaussian weights of this width. The squares
    of the weights of one voxel have the sum 1. So the variance is 1 everywhere, also at the borders.

    Args:
        rng: Random number generator.
        grid: The grid of the field.
        length_mm: Correlation length: one number for all axes, or (z, y, x).

    Returns:
        Values on ``grid``, (Z, Y, X), rounded to multiples of 1 / 4096. The rounding errors of matrix products depend
        on the number of threads, but the same seed must give the same voxels on every machine.
    """
    lengths = (length_mm,) * 3 if isinstance(length_mm, int | float) else length_mm
    bases = [_basis(axis, length) for axis, length in zip(grid.axes_mm(), lengths, strict=True)]
    nodes = rng.standard_normal([basis.shape[1] for basis in bases])
    for axis, basis in enumerate(bases):
        nodes = np.moveaxis(np.tensordot(basis, nodes, axes=(1, axis)), 0, axis)
    return (np.rint(nodes * _STEP) / _STEP).astype(np.float32)


def _basis(axis_mm: NDArray[np.float64], length_mm: float) -> NDArray[np.float64]:
    """Return the Gaussian weights of the nodes (columns) for each voxel (rows)."""
    first, last = axis_mm[0] - 2 * length_mm, axis_mm[-1] + 2 * length_mm
    nodes_mm = np.arange(first, last + length_mm, length_mm)
    weights = np.exp(-0.5 * ((axis_mm[:, None] - nodes_mm[None]) / (0.8 * length_mm)) ** 2)
    normalised: NDArray[np.float64] = weights / np.sqrt((weights**2).sum(axis=1, keepdims=True))
    return normalised
