"""Find the axes of a preprocessed volume that are nearest to the patient's axes."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnunet_cscn.errors import UserError

LEFT_RIGHT, ANTERIOR_POSTERIOR, HEAD_FEET = 0, 1, 2


def patient_axes(properties: Mapping[str, Any], transpose_forward: Sequence[int]) -> tuple[int, int, int]:
    """Return the volume's axes nearest to the patient's left-right, anterior-posterior and head-feet axes.

    Args:
        properties: Properties of the case in nnU-Net's preprocessed data.
        transpose_forward: Axis order of the plan.

    Raises:
        UserError: If the properties contain no orientation.

    Example:
        An axial image, and a sagittal one whose slices go from right to left.

        >>> axial = {"sitk_stuff": {"direction": (1, 0, 0, 0, 1, 0, 0, 0, 1)}}
        >>> patient_axes(axial, (0, 1, 2))
        (2, 1, 0)
        >>> sagittal = {"sitk_stuff": {"direction": (0, 0, -1, 1, 0, 0, 0, -1, 0)}}
        >>> patient_axes(sagittal, (0, 1, 2))
        (0, 2, 1)
    """
    along = np.abs(_directions(properties))
    # each image axis, (x, y, z) in the file and (z, y, x) in memory, is used exactly once, also in oblique images
    best = max(itertools.permutations(range(3)), key=lambda columns: along[range(3), columns].sum())
    left_right, anterior_posterior, head_feet = (list(transpose_forward).index(2 - column) for column in best)
    return left_right, anterior_posterior, head_feet


def _directions(properties: Mapping[str, Any]) -> NDArray[np.float64]:
    """Return the direction matrix. Rows: axes of the patient. Columns: axes of the file."""
    direction = properties.get("sitk_stuff", {}).get("direction", ())
    if len(direction) in (9, 16):  # 16 numbers: the channels are a fourth dimension
        return np.asarray(direction, dtype=np.float64).reshape([round(len(direction) ** 0.5)] * 2)[:3, :3]
    kept = properties.get("nibabel_stuff", {})
    if (affine := kept.get("reoriented_affine", kept.get("original_affine"))) is not None:
        columns = np.asarray(affine, dtype=np.float64)[:3, :3]
        unit: NDArray[np.float64] = columns / np.linalg.norm(columns, axis=0)
        return unit
    raise UserError(
        "the image reader does not store patient orientation, which left-right mirroring needs: use images that "
        "SimpleITK reads (NIfTI, NRRD, MHA)"
    )
