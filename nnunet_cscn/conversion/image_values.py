"""Check the values of images: what is not finite in 32 bits is an error, or is replaced on request."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnunet_cscn.errors import UserError
from nnunet_cscn.nifti.finite import NOT_FINITE, are_finite, finite_voxels


def finite_image(
    voxels: NDArray[Any], what: str, *, nan: float | None = None, can_replace: bool = True
) -> tuple[NDArray[Any], str]:
    """Return an image that is finite in 32 bits. A single other voxel would make a whole prediction empty.

    Args:
        voxels: The image, of any type.
        what: Name of the image in messages, such as that of its channel.
        nan: Value that replaces NaN, infinity and numbers beyond the range of float32. None for an error.
        can_replace: Whether the error message mentions the argument ``nan``, because the caller has it too.

    Returns:
        The image, and a note if voxels were replaced; else an empty text.

    Raises:
        UserError: When there is such a voxel and ``nan`` is None.

    Example:
        >>> finite_image(np.array([1.0, np.nan]), "T1", nan=0)
        (array([1., 0.]), '1 voxel of T1 was NaN or infinite, or beyond the range of float32 (3.4e38), and became 0')
    """
    if voxels.dtype.kind != "f":
        return voxels, ""
    n_odd = int(np.count_nonzero(~are_finite(voxels)))
    if not n_odd:
        return voxels, ""
    if nan is None:
        number = "1 voxel is" if n_odd == 1 else f"{n_odd} voxels are"
        offer = ", or add nan=0 to replace them by 0" if can_replace else ""
        raise UserError(f"{what}: {number} {NOT_FINITE}: correct the source{offer}")
    number = "1 voxel of {} was" if n_odd == 1 else f"{n_odd} voxels of {{}} were"
    return finite_voxels(voxels, nan), f"{number.format(what)} {NOT_FINITE}, and became {nan:g}"
