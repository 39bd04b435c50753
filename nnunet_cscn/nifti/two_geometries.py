"""NIfTI headers with two geometries, the sform and the qform, that place the voxels differently."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from nnunet_cscn.errors import UserError
from nnunet_cscn.nifti.header import read_header
from nnunet_cscn.nifti.voxels import ENDINGS

SMALL_MM = 0.1
"""Largest distance of the same voxel in both geometries to ignore: the qform's quaternion is rounded."""

_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])  # NIfTI counts to the right and to the front, ITK to the left and to the back


def geometry_note(path: Path, reader: SimpleITK.ImageFileReader, used: NDArray[np.float64]) -> str:
    """Say by how much the two geometries of a NIfTI file differ, and which one is used; nothing if they agree.

    Args:
        path: The file.
        reader: ITK's reader of the file, whose header was read. Other formats have one geometry.
        used: The matrix (4, 4) from voxel indices to positions in mm that ITK made, in its coordinates.

    Returns:
        A note, or an empty text.

    Raises:
        UserError: When the qform is damaged and the sform was not used.
    """
    if not path.name.lower().endswith(ENDINGS):  # ITK keeps the entries of a NIfTI header when it writes other formats
        return ""
    codes = ("sform_code", "qform_code")
    if not all(reader.HasMetaDataKey(code) and reader.GetMetaData(code) != "0" for code in codes):
        return ""
    header = read_header(path)
    last = np.maximum(1, np.array((*reader.GetSize(), 1)[:3]) - 1)
    corners = np.c_[np.array(list(np.ndindex(2, 2, 2))) * last, np.ones(8)]
    sform = _TO_LPS @ np.asarray(header.get_sform(), np.float64)
    try:
        qform = _TO_LPS @ np.asarray(header.get_qform(), np.float64)
    except (HeaderDataError, ValueError):
        if not _largest_distance(sform, used, corners) <= SMALL_MM:
            raise UserError("the header is damaged: its qform is no rotation") from None
        return "the qform of the header is no rotation; the sform was used"
    apart = _largest_distance(sform, qform, corners)
    if not apart > SMALL_MM:
        return ""
    is_sform = _largest_distance(sform, used, corners) <= _largest_distance(qform, used, corners)
    return (
        f"sform and qform of the header differ by up to {apart:.2g} mm; the {'sform' if is_sform else 'qform'} was used"
    )


def _largest_distance(one: NDArray[np.float64], other: NDArray[np.float64], places: NDArray[np.float64]) -> float:
    return float(np.linalg.norm(((one - other) @ places.T)[:3], axis=0).max())
