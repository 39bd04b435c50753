"""Read the bytes of a file that may be packed with gzip, and refuse damaged ones."""

from __future__ import annotations

import contextlib
import gzip
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from nnunet_cscn.errors import UserError

_GZIP_MAGIC = b"\x1f\x8b"
_CHUNK = 2**20  # bytes
_BLOCK = 4096  # bytes


def first_bytes(path: Path, n_bytes: int) -> bytes:
    """Return the first bytes of a file, unpacked. The file may be cut off after them.

    Raises:
        UserError: When the file cannot be read or is damaged. The message is the reason, without the name of the file.
    """
    with _faults_named():
        return _first_bytes(path, n_bytes)


def whole_bytes(path: Path, n_first: int, n_needed: Callable[[bytes], int]) -> bytes:
    """Return the bytes of a file, unpacked. The checksums of a packed file are checked to its end.

    Args:
        path: The file.
        n_first: Number of bytes that ``n_needed`` gets.
        n_needed: Returns how many bytes are needed, from the first ones. Of a packed file, no more are kept.

    Raises:
        UserError: As ``first_bytes``, or when the file is truncated.
    """
    with _faults_named():
        content = path.read_bytes()
        if not content.startswith(_GZIP_MAGIC):
            return content
        return _inflated(content, n_needed(_first_bytes(path, n_first)))


@contextlib.contextmanager
def _faults_named() -> Iterator[None]:
    try:
        yield
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
