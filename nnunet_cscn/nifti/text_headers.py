"""Check headers of MetaImage files, which are text. ITK ends the whole process for some damaged ones."""

from __future__ import annotations

import re
from pathlib import Path

from nnunet_cscn.errors import UserError

_ENDINGS = (".mha", ".mhd")
_LONGEST = 2**16  # bytes of a header
_MOST_DIMENSIONS = 10  # of MetaImage
_MOST_CHANNELS = 2**16
_FIELD = re.compile(rb"^\s*(\w+)\s*[=:](.*)$", re.MULTILINE)


def check_text_header(path: Path) -> None:
    """Check the numbers of dimensions, voxels and channels in the header of a MetaImage file.

    Args:
        path: A file of any format. Files with other endings pass.

    Raises:
        UserError: When the file cannot be read or its header is damaged. The message is the reason, without the name of
            the file.
    """
    if path.suffix.lower() not in _ENDINGS:
        return
    try:
        with path.open("rb") as stream:
            start = stream.read(_LONGEST)
    except OSError as fault:
        raise UserError(f"the file cannot be read ({fault.strerror})") from None
    fields = {found[1].decode().lower(): found[2].split() for found in reversed(list(_FIELD.finditer(start)))}
    n_dimensions = _whole("NDims", fields.get("ndims", []), 1, most=_MOST_DIMENSIONS)[0]
    _whole("DimSize", fields.get("dimsize", []), n_dimensions)
    if "elementnumberofchannels" in fields:
        _whole("ElementNumberOfChannels", fields["elementnumberofchannels"], 1, most=_MOST_CHANNELS)


def _whole(name: str, values: list[bytes], count: int, *, most: int = 2**31 - 1) -> list[int]:
    """Return a field of positive integers."""
    are_digits = len(values) == count and all(re.fullmatch(rb"\d{1,10}", value) for value in values)
    numbers = [int(value) for value in values] if are_digits else []
    if not numbers or not all(1 <= number <= most for number in numbers):
        shown = b" ".join(values)[:50].decode("ascii", "replace")
        raise UserError(f"the header is damaged: {name} is {shown or 'missing'}")
    return numbers
