"""Series that contain the same images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nnunet_cscn.dicom.pixels import read_pixels
from nnunet_cscn.dicom.series import ImageSeries
from nnunet_cscn.errors import UserError

_SAME_GRID_MM = 0.01


def without_twins(chosen: Sequence[ImageSeries]) -> list[ImageSeries]:
    """Return series without those that have the same grid and the same pixels as one before them."""
    different: list[ImageSeries] = []
    for series in chosen:
        if not any(_is_twin(series, other) for other in different):
            different.append(series)
    return different


def _is_twin(series: ImageSeries, other: ImageSeries) -> bool:
    first, second = series.stack, other.stack
    if first.shape != second.shape or not np.allclose(first.origin_mm, second.origin_mm, rtol=0, atol=_SAME_GRID_MM):
        return False
    corner = [first.shape[2]], [first.shape[1]], first.shape[0] - 1
    if not np.allclose(first.points_mm(*corner), second.points_mm(*corner), rtol=0, atol=_SAME_GRID_MM):
        return False
    try:
        return bool(np.array_equal(read_pixels(series), read_pixels(other), equal_nan=True))
    except UserError:
        return False
