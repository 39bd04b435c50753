"""Read the voxels of a NIfTI file, and refuse an incomplete file.

ITK silently fills the missing part of a truncated or damaged file. Metrics of such a file would look like a poor
prediction, and a training would learn from noise. So this module unpacks the bytes, which checks the checksum of gzip,
and compares their number with the header.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnunet_cscn.errors import UserError
from nnunet_cscn.nifti.finite import are_finite
from nnunet_cscn.nifti.header import (
    LONGEST_HEADER,
    check_geometry,
    number_type,
    parse_header,
    scaling_of,
    shape_of,
    volume_shape,
    voxel_end,
    voxel_start,
)
from nnunet_cscn.nifti.unpacking import whole_bytes

ENDINGS = (".nii.gz", ".nii")


def read_voxels(path: Path) -> NDArray[Any]:
    """Read the voxel values of a NIfTI file of three dimensions, or of a flat image.

    Args:
        path: A file ``*.nii.gz`` or ``*.nii``, version 1 or 2 of the format.

    Returns:
        The values, slope and intercept applied. Shape (Z, Y, X), read-only; one slice for a flat image.

    Raises:
        UserError: When the file cannot be read, is truncated or damaged, has other than two or three dimensions, or
            holds something else than numbers. The message is the reason, without the name of the file.
    """
    content, header = _unpacked(path)
    shape = volume_shape(header)
    kind = number_type(header)
    if kind is None:
        code = int(header["datatype"])
        raise UserError(f"expected numeric voxels, the file has another type (NIfTI code {code})")
    _require_all(content, header)
    voxels = np.frombuffer(content, kind, math.prod(shape), voxel_start(header)).reshape(shape[::-1])
    return _scaled(voxels, header)


def check_whole(path: Path) -> None:
    """Check that a NIfTI file, of any number of dimensions, contains all voxels that its header announces.

    Raises:
        UserError: When it does not. The message is the reason, without the name of the file.
    """
    _require_all(*_unpacked(path))


def count_not_finite(path: Path) -> int:
    """Check that a NIfTI file is whole and has a grid, and count the voxels that are not finite in 32 bits.

    Voxels are counted as nnU-Net gets them: with slope and intercept, and as 32-bit numbers (see ``are_finite``).

    Raises:
        UserError: As ``check_whole``, or when the header has no valid affine or scaling.
    """
    content, header = _unpacked(path)
    _require_all(content, header)
    check_geometry(header)
    kind = number_type(header)
    if kind is None or (kind.kind != "f" and scaling_of(header) is None):
        return 0
    voxels = np.frombuffer(content, kind, math.prod(shape_of(header)), voxel_start(header))
    if kind.kind != "f":  # most CT is scaled so: its ends decide without a copy in 64 bits
        ends = np.array([voxels.min(), voxels.max()], kind)
        if are_finite(_scaled(ends, header)).all():
            return 0
    return int(voxels.size - np.count_nonzero(are_finite(_scaled(voxels, header))))


def _scaled(voxels: NDArray[Any], header: Any) -> NDArray[Any]:
    """Return the values of stored numbers."""
    scaling = scaling_of(header)
    if scaling is None:
        return voxels
    with np.errstate(over="ignore", invalid="ignore"):  # the callers look for infinity and NaN
        return voxels * scaling[0] + scaling[1]


def _unpacked(path: Path) -> tuple[bytes, Any]:
    """Return the unpacked content of a file and its header."""
    content = whole_bytes(path, LONGEST_HEADER, lambda first: voxel_end(parse_header(first)))
    return content, parse_header(content)


def _require_all(content: bytes, header: Any) -> None:
    end = voxel_end(header)
    if len(content) < end:
        raise UserError(f"the file is truncated: it has {len(content)} of {end} bytes")
