"""Read the voxels of a NIfTI file, and refuse an incomplete file.

ITK silently fills the missing part of a truncated or damaged file. Metrics of such a file would look like a poor
prediction, and a training would learn from noise. So this module unpacks the bytes, which checks the checksum of gzip,
and compares their number with the header.
"""

from __future__ import annotations

import gzip
import io
import math
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from nibabel.nifti1 import Nifti1Header
from nibabel.nifti2 import Nifti2Header
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from nnunet_cscn.errors import UserError
from nnunet_cscn.nifti.finite import are_finite

ENDINGS = (".nii.gz", ".nii")

_GZIP_MAGIC = b"\x1f\x8b"
_LONGEST_HEADER = 600  # bytes; version 2 has 540
_CHUNK = 2**20  # bytes
_BLOCK = 4096  # bytes
_LARGEST_NUMBER = 8  # bytes; wider floats depend on the machine


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
    content = _unpacked(path)
    header = _header(content)
    shape = volume_shape(header)
    kind = _number_type(header)
    if kind is None:
        code = int(header["datatype"])
        raise UserError(f"expected numeric voxels, the file has another type (NIfTI code {code})")
    _require_all(content, header)
    voxels = np.frombuffer(content, kind, math.prod(shape), _start(header)).reshape(shape[::-1])
    return _scaled(voxels, header)


def read_header(path: Path) -> Any:
    """Read the header of a NIfTI file, as nibabel has it.

    Raises:
        UserError: When there is none. The message is the reason, without the name of the file.
    """
    return _header(_unpacked(path, at_most=_LONGEST_HEADER))


def volume_shape(header: Any) -> tuple[int, int, int]:
    """Return the voxels along (x, y, z) of a header; a flat image has one slice.

    Raises:
        UserError: When it has other than two or three dimensions.
    """
    shape = _shape(header)
    if len(shape) < 2 or math.prod(shape[3:]) != 1:
        raise UserError(f"expected 3 dimensions, the file has {len(shape)} {shape}")
    x, y, z = (*shape, 1)[:3]
    return x, y, z


def check_whole(path: Path) -> None:
    """Check that a NIfTI file, of any number of dimensions, contains all voxels that its header announces.

    Raises:
        UserError: When it does not. The message is the reason, without the name of the file.
    """
    content = _unpacked(path)
    _require_all(content, _header(content))


def count_not_finite(path: Path) -> int:
    """Check that a NIfTI file is whole and has a grid, and count the voxels that are not finite in 32 bits.

    Voxels are counted as nnU-Net gets them: with slope and intercept, and as 32-bit numbers (see ``are_finite``).

    Raises:
        UserError: As ``check_whole``, or when the header has no valid affine or scaling.
    """
    content = _unpacked(path)
    header = _header(content)
    _require_all(content, header)
    check_geometry(header)
    kind = _number_type(header)
    if kind is None or (kind.kind != "f" and _scaling(header) is None):
        return 0
    voxels = np.frombuffer(content, kind, math.prod(_shape(header)), _start(header))
    if kind.kind != "f":  # most CT is scaled so: its ends decide without a copy in 64 bits
        ends = np.array([voxels.min(), voxels.max()], kind)
        if are_finite(_scaled(ends, header)).all():
            return 0
    return int(voxels.size - np.count_nonzero(are_finite(_scaled(voxels, header))))


def _scaling(header: Any) -> tuple[float, float] | None:
    """Return slope and intercept; None where the stored numbers are the values."""
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    is_scaled = math.isfinite(slope) and math.isfinite(intercept) and slope != 0 and (slope, intercept) != (1, 0)
    return (slope, intercept) if is_scaled else None


def _scaled(voxels: NDArray[Any], header: Any) -> NDArray[Any]:
    """Return the values of stored numbers."""
    scaling = _scaling(header)
    if scaling is None:
        return voxels
    with np.errstate(over="ignore", invalid="ignore"):  # the callers look for infinity and NaN
        return voxels * scaling[0] + scaling[1]


def _require_all(content: bytes, header: Any) -> None:
    end = _end(header)
    if len(content) < end:
        raise UserError(f"the file is truncated: it has {len(content)} of {end} bytes")


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
    used = axes[:, : min(len(_shape(header)), 3)]
    if not np.isfinite(axes).all() or np.linalg.matrix_rank(used) < used.shape[1]:
        raise UserError(f"the header is damaged: its affine is {axes.tolist()}")


def _end(header: Any) -> int:
    """Return the position behind the last byte of the voxels."""
    kind = _number_type(header)
    size = max(0, int(header["bitpix"]) // 8) if kind is None else kind.itemsize
    return _start(header) + math.prod(_shape(header)) * size


def _header(content: bytes) -> Any:
    for kind in (Nifti1Header, Nifti2Header):
        if kind.may_contain_header(content):
            return kind.from_fileobj(io.BytesIO(content), check=False)
    raise UserError("the file is not NIfTI or its header is truncated")


def _shape(header: Any) -> tuple[int, ...]:
    """Return the voxels along (x, y, z, ...).

    Raises:
        UserError: When they are not positive numbers.
    """
    n_dimensions, *edges = (int(number) for number in header["dim"])
    shape = tuple(edges[: max(n_dimensions, 0)])
    if not 1 <= n_dimensions <= len(edges) or min(shape) < 1:
        raise UserError(f"the header is damaged: it has {n_dimensions} dimensions {shape}")
    return shape


def _start(header: Any) -> int:
    """Return the position of the first byte of the voxels.

    Raises:
        UserError: When the header does not have it.
    """
    start = float(header["vox_offset"])
    if not math.isfinite(start):
        raise UserError(f"the header is damaged: the voxels begin at byte {start} (vox_offset)")
    return max(int(start), int(header.sizeof_hdr))  # the number that belongs to the format, not that of the file


def _number_type(header: Any) -> np.dtype[Any] | None:
    """Return the type of the voxels in the byte order of the file. None if they are not real numbers."""
    try:
        kind: np.dtype[Any] = header.get_data_dtype()
    except (HeaderDataError, KeyError):
        return None
    return kind if kind.kind in "iuf" and kind.itemsize <= _LARGEST_NUMBER else None


def _unpacked(path: Path, *, at_most: int | None = None) -> bytes:
    """The file's bytes, unpacked where it is packed; as many as its header announces, or the first ones."""
    try:
        if at_most is not None:
            return _first_bytes(path, at_most)
        content = path.read_bytes()
        if not content.startswith(_GZIP_MAGIC):
            return content
        header = _header(_first_bytes(path, _LONGEST_HEADER))
        return _inflated(content, _end(header))
    except EOFError:
        raise UserError("the file is truncated") from None
    except (zlib.error, gzip.BadGzipFile) as fault:
        raise UserError(f"the file is damaged ({fault})") from None
    except MemoryError:
        raise UserError("the file has more voxels than fit into the memory") from None
    except OSError as fault:
        raise UserError(f"the file cannot be read ({fault.strerror})") from None


def _inflated(packed: bytes, at_most: int) -> bytes:
    """Unpack bytes and check their checksum. What is beyond the voxels is not kept: it may be a thousand times larger.

    Raises:
        EOFError: When they are truncated.
        zlib.error: When they are damaged.
    """
    found, missing = list[bytes](), min(at_most, sys.maxsize)
    while packed:
        part = zlib.decompressobj(wbits=31)  # a file may have several parts, each with a checksum
        while not part.eof:
            chunk = part.decompress(packed, missing or _CHUNK)
            if not chunk and not part.eof and not part.unconsumed_tail:
                raise EOFError
            packed = part.unconsumed_tail
            if missing:
                found.append(chunk)
                missing -= len(chunk)
        packed = part.unused_data.lstrip(b"\0")  # zeros may fill the last block of a medium
    return b"".join(found)


def _first_bytes(path: Path, n_bytes: int) -> bytes:
    """Read the first bytes of a file, unpacked where it is packed. The file may be cut off after them."""
    with path.open("rb") as stream:
        start = stream.read(len(_GZIP_MAGIC))
        if start != _GZIP_MAGIC:
            return start + stream.read(n_bytes - len(start))
        part, found = zlib.decompressobj(wbits=31), b""
        chunk = start
        while chunk and len(found) < n_bytes and not part.eof:
            found += part.decompress(chunk, n_bytes - len(found))
            chunk = part.unconsumed_tail or stream.read(_BLOCK)
    return found
