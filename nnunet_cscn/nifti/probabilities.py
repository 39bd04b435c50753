"""Probabilities in NIfTI files of one byte per voxel.

NIfTI has no float16. A probability is stored as a whole number from 0 to 255, and the header's slope of 1/255 turns it
back. The error is at most 0.002. Every reader of NIfTI applies the slope. A voxel is stored as 128 or more exactly when
its probability is 0.5 or more.
"""

from __future__ import annotations

import gzip
import io
from pathlib import Path
from typing import Any

import numpy as np
from nibabel.nifti1 import Nifti1Header
from numpy.typing import NDArray

from nnunet_cscn.errors import UserError
from nnunet_cscn.nifti.voxels import read_voxels

LEVELS = 255

Probabilities = NDArray[np.float32]


def to_levels(probabilities: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """Return each probability as the nearest of the levels 0 to 255; halves are rounded up.

    Example:
        >>> to_levels(np.array([0.0, 0.49999, 0.5, 1.0])).tolist()
        [0, 127, 128, 255]
    """
    clipped = np.clip(probabilities.astype(np.float64), 0.0, 1.0)
    return np.floor(clipped * LEVELS + 0.5).astype(np.uint8)


def set_slope(file: Path) -> None:
    """Give a packed NIfTI file of levels the slope that turns them into probabilities.

    ITK writes no slope, so the header is changed after it has written the file.

    Args:
        file: A file ``*.nii.gz`` of bytes, as ITK writes it.
    """
    content = gzip.decompress(file.read_bytes())
    header = Nifti1Header.from_fileobj(io.BytesIO(content), check=False)
    header["scl_slope"], header["scl_inter"] = 1 / LEVELS, 0
    header["cal_min"], header["cal_max"] = 0, 1
    block = header.binaryblock
    file.write_bytes(gzip.compress(block + content[len(block) :], mtime=0))


def read_levels(file: Path) -> NDArray[np.uint8]:
    """Read a map of probabilities, of this package or of another program.

    Args:
        file: A file ``*.nii.gz`` or ``*.nii`` with values from 0 to 1.

    Returns:
        The levels from 0 to 255. Shape (Z, Y, X).

    Raises:
        UserError: If the file cannot be read or has other values. The text is the reason, without the file's name.
    """
    values = read_voxels(file)
    check_probabilities(values)
    return to_levels(values)


def check_probabilities(values: NDArray[Any]) -> None:
    """Check that all values are from 0 to 1, apart from rounding.

    Raises:
        UserError: When they are not, or there is none.
    """
    if not values.size:
        raise UserError("expected probabilities, the file has no voxel")
    if not (values.min() >= -1e-6 and values.max() <= 1 + 1e-6):  # also false for nan
        raise UserError(f"expected probabilities from 0 to 1, got values from {values.min():g} to {values.max():g}")
