"""Damage to the header of a NIfTI file."""

from __future__ import annotations

import gzip

from fuzz.mutations.chance import HUGE, ODD_FLOATS, Chance, Mutation, pack

_NIFTI_FIELDS = (
    ("sizeof_hdr", 0, "i"),
    *((f"dim[{axis}]", 40 + 2 * axis, "h") for axis in range(8)),
    ("datatype", 70, "h"),
    ("bitpix", 72, "h"),
    *((f"pixdim[{axis}]", 76 + 4 * axis, "f") for axis in range(8)),
    ("vox_offset", 108, "f"),
    ("scl_slope", 112, "f"),
    ("scl_inter", 116, "f"),
    ("qform_code", 252, "h"),
    ("sform_code", 254, "h"),
    *((f"quatern[{number}]", 256 + 4 * number, "f") for number in range(6)),
    *((f"srow[{number}]", 280 + 4 * number, "f") for number in range(12)),
    ("magic", 344, "i"),
)


def damaged_nifti(content: bytes, chance: Chance) -> Mutation:
    """Overwrite numbers in a NIfTI header, packed again if it was packed."""
    is_packed = content.startswith(b"\x1f\x8b")
    changed = bytearray(gzip.decompress(content) if is_packed else content)
    hows = []
    for _ in range(chance.choice((1, 1, 2, 3))):
        name, place, code = chance.choice(_NIFTI_FIELDS)
        kind = chance.choice(ODD_FLOATS) if code == "f" and chance.random() < 0.7 else chance.choice(HUGE)
        packed = pack(code, kind)
        changed[place : place + len(packed)] = packed
        hows.append(f"{name}={kind}")
    if chance.random() < 0.15:
        del changed[chance.randrange(len(changed)) :]
        hows.append("cut")
    made = gzip.compress(bytes(changed), compresslevel=1) if is_packed else bytes(changed)
    return Mutation(made, f"nifti: {', '.join(hows)}", breaks_checksums=False)
