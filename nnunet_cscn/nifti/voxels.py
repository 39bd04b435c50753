"""Read the voxels of a NIfTI file, and refuse a file that is not whole.

ITK fills what a truncated or damaged file lacks and says nothing: metrics of such a file would look like a bad
prediction, and a training would learn from noise. So the bytes are unpacked here, with gzip's own checksum, and
counted.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnunet_cscn.errors import UserError

ENDINGS = (".nii.gz", ".nii")

_GZIP_MAGIC = b"\x1f\x8b"
_TYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8"}


@dataclass(frozen=True)
class _Layout:
    """Where the fields of one version of the header stand, as formats and offsets of the NIfTI standard."""

    size: int
    shape: tuple[str, int]
    type_code: int
    data_offset: tuple[str, int]
    scaling: tuple[str, int]


@dataclass(frozen=True)
class _Stored:
    """What a file's header says of its voxels.

    Attributes:
        order: Byte order, ``<`` or ``>``.
        shape: Voxels along (x, y, z, ...).
        type_code: NIfTI's number of their type.
        start: Place of the first byte.
        end: Place behind the last one.
        scaling: Slope and intercept.
    """

    order: str
    shape: tuple[int, ...]
    type_code: int
    start: int
    end: int
    scaling: tuple[float, float]


_LAYOUTS = {
    348: _Layout(348, ("8h", 40), 70, ("f", 108), ("2f", 112)),
    540: _Layout(540, ("8q", 16), 12, ("q", 168), ("2d", 176)),
}


def read_voxels(path: Path) -> NDArray[Any]:
    """Read the voxel values of a three-dimensional NIfTI file.

    Args:
        path: A file ``*.nii.gz`` or ``*.nii``, version 1 or 2 of the format.

    Returns:
        The values, slope and intercept applied. Shape (Z, Y, X), read-only.

    Raises:
        UserError: When the file cannot be read, is truncated or damaged, has other than three dimensions, or holds
            something else than numbers. The text is the reason, without the file's name.
    """
    content = _unpacked(path)
    stored = _stored(content)
    shape = stored.shape
    if len(shape) < 3 or math.prod(shape[3:]) != 1:
        raise UserError(f"3 dimensions are expected, the file has {len(shape)} {shape}")
    if stored.type_code not in _TYPES:
        raise UserError(f"numbers are expected, the file's voxels are none (NIfTI code {stored.type_code})")
    _require_all(content, stored)
    values = np.dtype(stored.order + _TYPES[stored.type_code])
    voxels = np.frombuffer(content, values, math.prod(shape), stored.start).reshape(shape[2::-1])
    slope, intercept = stored.scaling
    is_scaled = math.isfinite(slope) and math.isfinite(intercept) and slope != 0 and (slope, intercept) != (1, 0)
    return voxels * slope + intercept if is_scaled else voxels


def check_whole(path: Path) -> None:
    """See that a NIfTI file of any number of dimensions holds all the voxels that its header promises.

    Raises:
        UserError: When it does not. The text is the reason, without the file's name.
    """
    content = _unpacked(path)
    _require_all(content, _stored(content))


def _require_all(content: bytes, stored: _Stored) -> None:
    if len(content) < stored.end:
        raise UserError(f"the file is truncated: {len(content)} of {stored.end} bytes are there")


def _stored(content: bytes) -> _Stored:
    order, layout = _byte_order(content)
    dimensions = struct.unpack_from(order + layout.shape[0], content, layout.shape[1])
    shape = dimensions[1 : dimensions[0] + 1]
    type_code, n_bits = struct.unpack_from(order + "2h", content, layout.type_code)
    start = max(int(struct.unpack_from(order + layout.data_offset[0], content, layout.data_offset[1])[0]), layout.size)
    size = np.dtype(_TYPES[type_code]).itemsize if type_code in _TYPES else n_bits // 8
    end = start + math.prod(shape) * size
    scaling = struct.unpack_from(order + layout.scaling[0], content, layout.scaling[1])
    return _Stored(order, shape, type_code, start, end, (scaling[0], scaling[1]))


def _unpacked(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if content.startswith(_GZIP_MAGIC) else content
    except EOFError:
        raise UserError("the file is truncated") from None
    except (zlib.error, gzip.BadGzipFile) as fault:
        raise UserError(f"the file is damaged ({fault})") from None
    except OSError as fault:
        raise UserError(f"the file can't be read ({fault.strerror})") from None


def _byte_order(content: bytes) -> tuple[str, _Layout]:
    for order in "<>":
        size = struct.unpack_from(order + "i", content)[0] if len(content) >= 4 else 0
        if size in _LAYOUTS and len(content) >= size:
            return order, _LAYOUTS[size]
    raise UserError("the file is not NIfTI or its header is truncated")
