"""Damage files, in ways that their kind suggests. Each mutator takes the content and a seeded source of chance."""

from __future__ import annotations

import gzip
import io
import json
import random
import re
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Chance = random.Random

HUGE = (0, -1, 1, 2, 127, 255, 2**15, 2**31 - 1, 2**31, 2**32 - 1, 2**53, 2**63, 2**64, -(2**63), 10**30, 10**400)
ODD_FLOATS = (float("nan"), float("inf"), -float("inf"), -0.0, 1e-320, 1e38, 1e308, -1.5)
ODD_TEXTS = ("", " ", "\x00", "\x1b[2J", "../../etc/passwd", "=1+1", "\ud800", "é" * 300, "nan", "a" * 5000, "{}", "-1")
_DEEP = 100_000


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


def damaged(name: str, content: bytes, chance: Chance) -> Mutation:
    """Return a damaged copy of a file's content, by the ending of its name."""
    choices: list[Callable[[bytes, Chance], Mutation]] = [damaged_bytes]
    for endings, mutators in _BY_ENDING:
        if name.endswith(endings):
            choices = [*mutators, *mutators, damaged_bytes]
            break
    return chance.choice(choices)(content, chance)


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
        packed = _packed_number(chance)
        changed[place : place + len(packed)] = packed
    elif how == "swap":
        other = chance.randrange(len(content) + 1)
        length = chance.choice((1, 2, 4, 16))
        changed[place : place + length] = content[other : other + length]
    else:
        changed = bytearray(chance.choice((b"", b"\0", content + content, chance.randbytes(100), content[::-1])))
    return Mutation(bytes(changed), f"bytes: {how} at {place}")


def damaged_json(content: bytes, chance: Chance) -> Mutation:
    """Change a value, its type or a key somewhere in a JSON file, or nest it deeply."""
    try:
        root = [json.loads(content)]
    except ValueError:
        return damaged_bytes(content, chance)
    if chance.random() < 0.02:
        ends = chance.choice((("[", "]"), ('{"a":', "}")))
        return Mutation((ends[0] * _DEEP + "1" + ends[1] * _DEEP).encode(), "json: nested deeply")
    hows = []
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        place, key = chance.choice(list(_places(root)))
        value = place[key]
        other, theirs = chance.choice(list(_places(root)))
        how = chance.choice(("type", "type", "number", "key", "extra", "nested", "swap"))
        if how == "key" and place is not root:
            del place[key]
        elif how == "extra" and isinstance(value, dict):
            value[chance.choice(ODD_TEXTS)] = _odd_value(chance)
        elif how == "extra" and isinstance(value, list):
            value.append(_odd_value(chance))
        else:
            place[key] = {
                "number": chance.choice((*HUGE, *ODD_FLOATS)),
                "nested": chance.choice(([value], {"a": value})),
                "swap": json.loads(json.dumps(other[theirs])),
            }.get(how, _odd_value(chance))
        hows.append(f"{how} at {key!r}")
    text = json.dumps(root[0])
    if "1" + "0" * 30 in text and chance.random() < 0.5:
        text = text.replace("1" + "0" * 30, "9" * 5000, 1)
    return Mutation(text.encode(errors="surrogatepass"), f"json: {', '.join(hows)}")


def damaged_table(content: bytes, chance: Chance) -> Mutation:
    """Change cells, lines and headings of a CSV file."""
    lines = content.decode(errors="replace").splitlines()
    place = chance.randrange(len(lines)) if lines else 0
    how = chance.choice(("cell", "cell", "drop", "double", "quote", "long", "short", "heading", "blank"))
    cells = lines[place].split(",") if lines else [""]
    cell = chance.randrange(len(cells))
    if how == "cell":
        cells[cell] = str(chance.choice((*HUGE, *ODD_FLOATS, *ODD_TEXTS)))
    elif how == "quote":
        cells[cell] = '"' + cells[cell]
    elif how == "long":
        cells[cell] = "1" * chance.choice((5000, 200_000))
    elif how == "short":
        cells = cells[:cell]
    elif how == "heading":
        lines = lines[1:] or lines
        place = min(place, len(lines) - 1)
    lines[place : place + 1] = {
        "drop": [],
        "double": [lines[place]] * 2,
        "blank": [""],
        "heading": lines[place : place + 1],
    }.get(how, [",".join(cells)])
    text = "\n".join(lines) + ("\n" if chance.random() < 0.8 else "")
    return Mutation(text.encode(errors="surrogatepass"), f"table: {how} in line {place}")


def damaged_header(content: bytes, chance: Chance) -> Mutation:
    """Replace a number in a header of text, such as NRRD's, by another one."""
    places = list(re.finditer(rb"-?\d+(\.\d+)?", content[:400]))
    if not places:
        return damaged_bytes(content, chance)
    found, value = chance.choice(places), chance.choice((*HUGE[:-1], *ODD_FLOATS, 3000))
    changed = content[: found.start()] + str(value).encode() + content[found.end() :]
    return Mutation(changed, f"header: {value} at {found.start()}")


def damaged_nifti(content: bytes, chance: Chance) -> Mutation:
    """Overwrite numbers in a NIfTI header, packed again if it was packed."""
    is_packed = content.startswith(b"\x1f\x8b")
    changed = bytearray(gzip.decompress(content) if is_packed else content)
    hows = []
    for _ in range(chance.choice((1, 1, 2, 3))):
        name, place, code = chance.choice(_NIFTI_FIELDS)
        kind = chance.choice(ODD_FLOATS) if code == "f" and chance.random() < 0.7 else chance.choice(HUGE)
        packed = _pack(code, kind)
        changed[place : place + len(packed)] = packed
        hows.append(f"{name}={kind}")
    if chance.random() < 0.15:
        del changed[chance.randrange(len(changed)) :]
        hows.append("cut")
    made = gzip.compress(bytes(changed), compresslevel=1) if is_packed else bytes(changed)
    return Mutation(made, f"nifti: {', '.join(hows)}", breaks_checksums=False)


def damaged_archive(content: bytes, chance: Chance) -> Mutation:
    """Damage a member of a zip archive, or remove, rename or repeat it; the archive's own checksums are right."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {member.filename: archive.read(member) for member in archive.infolist()}
    except (zipfile.BadZipFile, ValueError):
        return damaged_bytes(content, chance)
    name = chance.choice(list(members))
    how = chance.choice(("content", "content", "content", "remove", "rename", "extra"))
    if how == "content":
        inner = damaged(name, members[name], chance)
        members[name], how = inner.content, inner.how
    elif how == "remove":
        del members[name]
    elif how == "rename":
        renamed = chance.choice(("a", "../a.json", f"{name}/x", name.upper(), f"x{name}"))
        members = {renamed if each == name else each: value for each, value in members.items()}
    else:
        members[chance.choice((f"{name}.json", "run.sh", "é.json"))] = members[name]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for each, value in members.items():
            archive.writestr(each, value)
    return Mutation(out.getvalue(), f"archive: {how} in {name}", breaks_checksums=False)


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


def _places(value: object) -> list[tuple[object, object]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found: list[tuple[object, object]] = []
    for key, inner in items:
        found.append((value, key))
        found += _places(inner)
    return found


def _odd_value(chance: Chance) -> object:
    return chance.choice((None, True, False, [], {}, [[]], [None], {"a": 1}, [1, "a"], *HUGE, *ODD_FLOATS, *ODD_TEXTS))


def _packed_number(chance: Chance) -> bytes:
    code = chance.choice("bhiqfd")
    return _pack(code, chance.choice(ODD_FLOATS) if code in "fd" else chance.choice(HUGE), chance.choice("<>"))


def _pack(code: str, value: float, order: str = "<") -> bytes:
    if code in "fd":
        try:
            return struct.pack(order + code, float(value))
        except OverflowError:
            return struct.pack(order + code, float("inf"))
    size = struct.calcsize(order + code)
    return (int(value) % 2 ** (8 * size)).to_bytes(size, "little" if order == "<" else "big")


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
_BY_ENDING: tuple[tuple[tuple[str, ...], tuple[Callable[[bytes, Chance], Mutation], ...]], ...] = (
    ((".json", ".submitted", ".outcome"), (damaged_json,)),
    ((".csv",), (damaged_table,)),
    ((".nii.gz", ".nii"), (damaged_nifti,)),
    ((".nrrd", ".mha"), (damaged_header,)),
    ((".npz",), (damaged_arrays, damaged_archive)),
    ((".pth", ".zip"), (damaged_archive,)),
    ((".dcm",), (damaged_dicom,)),
)
