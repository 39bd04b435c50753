"""Find and replace voxels that are no finite numbers for nnU-Net, which computes in 32 bits."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGEST = float(np.finfo(np.float32).max)
NOT_FINITE = "NaN or infinite, or beyond the range of float32 (3.4e38)"
"""What messages call voxels that ``are_finite`` does not accept."""


def are_finite(voxels: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which voxels are finite in 32 bits. Larger numbers become infinity when nnU-Net reads them.

    Args:
        voxels: Real numbers, of any shape and type.

    Example:
        >>> are_finite(np.array([1, np.nan, -np.inf, 1e38, 1e39]))
        array([ True, False, False,  True, False])
    """
    found: NDArray[np.bool_] = np.isfinite(voxels)
    if voxels.dtype.kind == "f" and voxels.dtype.itemsize > 4:
        found &= np.abs(voxels) <= LARGEST
    return found


def finite_voxels(voxels: NDArray[Any], value: float) -> NDArray[Any]:
    """Return a copy with a value in place of NaN, infinity and numbers beyond 32 bits. The type stays.

    Args:
        voxels: Floating-point numbers, of any shape.
        value: The value.

    Example:
        >>> finite_voxels(np.array([1, np.nan, -np.inf], np.float32), 0)
        array([1., 0., 0.], dtype=float32)
    """
    return np.where(are_finite(voxels), voxels, np.asarray(value, voxels.dtype))
