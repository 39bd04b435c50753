"""Replace voxels that are NaN or infinite."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def finite_voxels(voxels: NDArray[Any], value: float) -> NDArray[Any]:
    """Return a copy with a value in place of NaN and infinity. The type stays.

    Args:
        voxels: Floating-point numbers, of any shape.
        value: The value.

    Example:
        >>> finite_voxels(np.array([1, np.nan, -np.inf], np.float32), 0)
        array([1., 0., 0.], dtype=float32)
    """
    return np.where(np.isfinite(voxels), voxels, np.asarray(value, voxels.dtype))
