"""Damage to the arrays of an ``.npz`` file."""

from __future__ import annotations

import io

import numpy as np

from fuzz.mutations.chance import Chance, Mutation


def damaged_arrays(content: bytes, chance: Chance) -> Mutation:
    """Give an array in an ``.npz`` file another type, shape or content, or store it as a pickle."""
    with np.load(io.BytesIO(content)) as stored:
        arrays = {name: stored[name] for name in stored.files}
    name = chance.choice(list(arrays))
    array = arrays[name]
    how = chance.choice(("type", "shape", "nan", "name", "object", "empty", "less"))
    if how == "type":
        arrays[name] = array.astype(chance.choice(("i1", "u8", "f2", "f8", "c16", "U3", "?", ">f4", "M8[s]")))
    elif how == "shape":
        arrays[name] = chance.choice(
            (array.ravel(), array[None], array[..., 0], array.T, np.concatenate([array, array]))
        )
    elif how == "nan" and array.dtype.kind == "f":
        array = array.copy()
        array.flat[chance.randrange(array.size)] = chance.choice((np.nan, np.inf, -np.inf, 3.0))
        arrays[name] = array
    elif how == "name":
        arrays = {"other": array}
    elif how == "object":
        arrays[name] = np.array([{"a": 1}, None], dtype=object)
    elif how == "empty":
        arrays[name] = array[:0]
    else:
        arrays[name] = array[:, 1:]
    out = io.BytesIO()
    np.savez(out, **arrays)
    return Mutation(out.getvalue(), f"array: {how}", breaks_checksums=False)
