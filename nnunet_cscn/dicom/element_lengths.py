"""The lengths of the elements of a DICOM file, checked before memory is reserved for them."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

import pydicom
from pydicom.dataelem import RawDataElement
from pydicom.filereader import data_element_generator
from pydicom.uid import DeflatedExplicitVRLittleEndian
from pydicom.valuerep import EXPLICIT_VR_LENGTH_32, VR

_LARGE = 4096  # bytes; longer elements are skipped, not read
_UNDEFINED = 0xFFFFFFFF  # the length of a sequence or of compressed pixels whose end is marked instead
_PREFIX_END = 132  # 128 bytes and the letters DICM
_META_GROUP = 2
_KNOWN = {vr.value.encode() for vr in VR}
_LONG = {vr.value.encode() for vr in EXPLICIT_VR_LENGTH_32}


def has_damaged_lengths(file: Path) -> bool:
    """Tell whether an element of a file claims to be longer than the rest of the file.

    ITK reserves memory for what an element claims, which may be 4 GB after a single damaged bit.
    """
    content = pydicom.dcmread(file, force=True, stop_before_pixels=True, specific_tags=["SOPClassUID"])
    is_implicit, is_little_endian = content.original_encoding
    size = file.stat().st_size
    with file.open("rb") as stream:
        start = _end_of_meta(stream, size)
        if start is None:
            return True
        if content.file_meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
            return False  # the data set is packed
        stream.seek(start)
        for element in data_element_generator(stream, bool(is_implicit), bool(is_little_endian), defer_size=_LARGE):
            is_plain = isinstance(element, RawDataElement) and element.length != _UNDEFINED
            if is_plain and element.value_tell + element.length > size:
                return True
    return False


def _end_of_meta(stream: BinaryIO, size: int) -> int | None:
    """Return where the data set begins; None if the meta information, always explicit and little-endian, is damaged."""
    if stream.read(_PREFIX_END)[-4:] != b"DICM":
        return 0  # there is none
    at = _PREFIX_END
    while at < size:
        stream.seek(at)
        head = stream.read(12).ljust(12, b"\0")
        if struct.unpack_from("<H", head)[0] != _META_GROUP:
            return at
        vr = head[4:6]
        is_long = vr in _LONG
        (length,) = struct.unpack_from("<I" if is_long else "<H", head, 8 if is_long else 6)
        at += (12 if is_long else 8) + length
        if vr not in _KNOWN or at > size:
            return None
    return at
