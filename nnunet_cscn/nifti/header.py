"""Read and check the header of a NIfTI file."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import numpy as np
from nibabel.nifti1 import Nifti1Header
from nibabel.nifti2 import Nifti2Header
from nibabel.spatialimages import HeaderDataError

from nnunet_cscn.errors import UserError
from nnunet_cscn.nifti.unpacking import first_bytes

LONGEST_HEADER = 600
"""Bytes; version 2 of the format has 540."""

_LARGEST_NUMBER = 8  # bytes; wider floats depend on the machine


def read_header(path: Path) -> Any:
    """Read the header of a NIfTI file, as nibabel has it.

    Raises:
        UserError: When there is none. The message is the reason, without the name of the file.
    """
    return parse_header(first_bytes(path, LONGEST_HEADER))


def parse_header(content: bytes) -> Any:
    """Return the header at the start of a file's content.

    Raises:
        UserError: When there is none.
    """
    for kind in (Nifti1Header, Nifti2Header):
        if kind.may_contain_header(content):
            return kind.from_fileobj(io.BytesIO(content), check=False)
    raise UserError("the file is not NIfTI or its header is truncated")


def volume_shape(header: Any) -> tuple[int, int, int]:
    """Return the voxels along (x, y, z) of a header; a flat image has one slice.

    Raises:
        UserError: When it has other than two or three dimensions.
    """
    shape = shape_of(header)
    if len(shape) < 2 or math.prod(shape[3:]) != 1:
        raise UserError(f"expected 3 dimensions, the file has {len(shape)} {shape}")
    x, y, z = (*shape, 1)[:3]
    return x, y, z


def shape_of(header: Any) -> tuple[int, ...]:
    """Return the voxels along (x, y, z, ...).

    Raises:
        UserError: When they are not positive numbers.
    """
    n_dimensions, *edges = (int(number) for number in header["dim"])
    shape = tuple(edges[: max(n_dimensions, 0)])
    if not 1 <= n_dimensions <= len(edges) or min(shape) < 1:
        raise UserError(f"the header is damaged: it has {n_dimensions} dimensions {shape}")
    return shape


def voxel_start(header: Any) -> int:
    """Return the position of the first byte of the voxels.

    Raises:
        UserError: When the header does not have it.
    """
    start = float(header["vox_offset"])
    if not math.isfinite(start):
        raise UserError(f"the header is damaged: the voxels begin at byte {start} (vox_offset)")
    return max(int(start), int(header.sizeof_hdr))  # the number that belongs to the format, not that of the file


def voxel_end(header: Any) -> int:
    """Return the position behind the last byte of the voxels."""
    kind = number_type(header)
    size = max(0, int(header["bitpix"]) // 8) if kind is None else kind.itemsize
    return voxel_start(header) + math.prod(shape_of(header)) * size


def number_type(header: Any) -> np.dtype[Any] | None:
    """Return the type of the voxels in the byte order of the file. None if they are not real numbers."""
    try:
        kind: np.dtype[Any] = header.get_data_dtype()
    except (HeaderDataError, KeyError):
        return None
    return kind if kind.kind in "iuf" and kind.itemsize <= _LARGEST_NUMBER else None


def scaling_of(header: Any) -> tuple[float, float] | None:
    """Return slope and intercept; None where the stored numbers are the values."""
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    is_scaled = math.isfinite(slope) and math.isfinite(intercept) and slope != 0 and (slope, intercept) != (1, 0)
    return (slope, intercept) if is_scaled else None


def check_finite_geometry(header: Any) -> None:
    """Check that the parts of a header that place the voxels are finite.

    Args:
        header: As ``read_header`` returns it.

    Raises:
        UserError: When one of them is NaN or infinite.
    """
    names = ["pixdim"]
    if int(header["sform_code"]) > 0:
        names += ["srow_x", "srow_y", "srow_z"]
    if int(header["qform_code"]) > 0:
        names += ["quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z"]
    for name in names:
        values = header[name][:4] if name == "pixdim" else header[name]
        if not np.isfinite(values).all():
            raise UserError(f"the header is damaged: {name} is {np.asarray(values).tolist()}")


def check_geometry(header: Any) -> None:
    """Check that a header has a scaling and places voxels in space.

    Args:
        header: As ``read_header`` returns it.

    Raises:
        UserError: When it does not.
    """
    try:
        header.get_slope_inter()
        if int(header["qform_code"]) > 0:
            header.get_qform()
        axes = header.get_best_affine()[:3]
    except (HeaderDataError, ValueError) as fault:
        reason = " ".join(str(fault).split())
        raise UserError(f"the header is damaged ({reason})") from None
    used = axes[:, : min(len(shape_of(header)), 3)]
    if not np.isfinite(axes).all() or np.linalg.matrix_rank(used) < used.shape[1]:
        raise UserError(f"the header is damaged: its affine is {axes.tolist()}")
