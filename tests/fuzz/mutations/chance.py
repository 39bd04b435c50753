"""What all mutators share: the damaged file, values that readers do not expect, and numbers in bytes."""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass

Chance = random.Random

HUGE = (0, -1, 1, 2, 127, 255, 2**15, 2**31 - 1, 2**31, 2**32 - 1, 2**53, 2**63, 2**64, -(2**63), 10**30, 10**400)
ODD_FLOATS = (float("nan"), float("inf"), -float("inf"), -0.0, 1e-320, 1e38, 1e308, -1.5)
ODD_TEXTS = ("", " ", "\x00", "\x1b[2J", "../../etc/passwd", "=1+1", "\ud800", "é" * 300, "nan", "a" * 5000, "{}", "-1")


@dataclass(frozen=True)
class Mutation:
    """A damaged file.

    Attributes:
        content: Its bytes.
        how: What was done.
        breaks_checksums: Whether checksums inside the file were left as they were.
    """

    content: bytes
    how: str
    breaks_checksums: bool = True


def odd_value(chance: Chance) -> object:
    """Return a value that JSON can hold and that a reader hardly expects."""
    return chance.choice((None, True, False, [], {}, [[]], [None], {"a": 1}, [1, "a"], *HUGE, *ODD_FLOATS, *ODD_TEXTS))


def packed_number(chance: Chance) -> bytes:
    """Return a number as bytes, of any size and byte order."""
    code = chance.choice("bhiqfd")
    return pack(code, chance.choice(ODD_FLOATS) if code in "fd" else chance.choice(HUGE), chance.choice("<>"))


def pack(code: str, value: float, order: str = "<") -> bytes:
    """Return a number as bytes, in the format ``code`` of ``struct``; what does not fit wraps around."""
    if code in "fd":
        try:
            return struct.pack(order + code, float(value))
        except OverflowError:
            return struct.pack(order + code, float("inf"))
    size = struct.calcsize(order + code)
    return (int(value) % 2 ** (8 * size)).to_bytes(size, "little" if order == "<" else "big")
