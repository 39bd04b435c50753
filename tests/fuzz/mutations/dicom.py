"""Damage to the elements of a DICOM file."""

from __future__ import annotations

import io

from fuzz.mutations.chance import ODD_FLOATS, Chance, Mutation
from fuzz.mutations.raw_bytes import damaged_bytes


def damaged_dicom(content: bytes, chance: Chance) -> Mutation:
    """Remove an element of a DICOM file, or give it another value, at any depth."""
    import pydicom

    try:
        dataset = pydicom.dcmread(io.BytesIO(content), force=True)
        places = [(owner, element.tag) for owner in _datasets(dataset) for element in owner]
        hows = []
        for _ in range(chance.choice((1, 1, 2, 4))):
            owner, tag = chance.choice(places)
            if tag not in owner:
                continue
            element = owner[tag]
            hows.append(element.keyword or str(tag))
            if chance.random() < 0.3:
                del owner[tag]
            else:
                element._value = _odd_element(element, chance)
        out = io.BytesIO()
        dataset.save_as(out, enforce_file_format=False)
    except Exception:  # the writer refuses some values
        return damaged_bytes(content, chance)
    return Mutation(out.getvalue(), f"dicom: {', '.join(hows)}")


def _odd_element(element: object, chance: Chance) -> object:
    kind, value = element.VR, element.value  # type: ignore[attr-defined]
    if kind == "SQ":
        return value[:0] if chance.random() < 0.5 else value + value
    if kind in ("US", "SS", "UL", "SL"):
        return chance.choice((0, 1, 2, 3, 255, 32767, 65535 if kind in ("US", "UL") else -1))
    if kind in ("FL", "FD"):
        return chance.choice(ODD_FLOATS)
    if kind in ("OB", "OW", "OB or OW", "UN"):
        return bytes(value)[: chance.randrange(len(value) + 1)]
    if kind in ("DS", "IS"):
        odd = chance.choice(("", "nan", "inf", "-1", "0", "1e30", "99999999999", "a", "1\\2", "0\\0\\0\\0\\0\\0"))
        return odd if chance.random() < 0.7 else str(element)[-10:]
    return chance.choice(("", "x", "1.2.3", "a\\b", "é", "0" * 64, "MR", "RTSTRUCT", " "))


def _datasets(dataset: object) -> list[object]:
    found = [dataset]
    for element in dataset:  # type: ignore[attr-defined]
        if element.VR == "SQ":
            for item in element.value:
                found += _datasets(item)
    return found
