"""Damage that needs no knowledge of the file."""

from __future__ import annotations

from fuzz.mutations.chance import Chance, Mutation, packed_number


def damaged_bytes(content: bytes, chance: Chance) -> Mutation:
    """Flip bits, cut off, insert, remove, repeat, overwrite numbers, or empty the file."""
    changed, how = (
        bytearray(content),
        chance.choice(("flip", "flip", "cut", "insert", "remove", "number", "swap", "all")),
    )
    place = (
        chance.randrange(len(content) + 1) if chance.random() < 0.6 else chance.randrange(min(len(content), 400) + 1)
    )
    if how == "flip":
        for _ in range(chance.choice((1, 1, 2, 8, 64))):
            if changed:
                near = min(len(changed) - 1, place + chance.randrange(64))
                changed[near] ^= 1 << chance.randrange(8)
    elif how == "cut":
        del changed[place:]
    elif how == "insert":
        changed[place:place] = chance.randbytes(chance.choice((1, 4, 100)))
    elif how == "remove":
        del changed[place : place + chance.choice((1, 2, 8, 100))]
    elif how == "number":
        packed = packed_number(chance)
        changed[place : place + len(packed)] = packed
    elif how == "swap":
        other = chance.randrange(len(content) + 1)
        length = chance.choice((1, 2, 4, 16))
        changed[place : place + length] = content[other : other + length]
    else:
        changed = bytearray(chance.choice((b"", b"\0", content + content, chance.randbytes(100), content[::-1])))
    return Mutation(bytes(changed), f"bytes: {how} at {place}")
