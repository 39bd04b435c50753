"""Damage to files of text: JSON, tables, and headers such as those of NRRD."""

from __future__ import annotations

import json
import re

from fuzz.mutations.chance import HUGE, ODD_FLOATS, ODD_TEXTS, Chance, Mutation, odd_value
from fuzz.mutations.raw_bytes import damaged_bytes

_DEEP = 100_000


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
            value[chance.choice(ODD_TEXTS)] = odd_value(chance)
        elif how == "extra" and isinstance(value, list):
            value.append(odd_value(chance))
        else:
            place[key] = {
                "number": chance.choice((*HUGE, *ODD_FLOATS)),
                "nested": chance.choice(([value], {"a": value})),
                "swap": json.loads(json.dumps(other[theirs])),
            }.get(how, odd_value(chance))
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


def _places(value: object) -> list[tuple[object, object]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found: list[tuple[object, object]] = []
    for key, inner in items:
        found.append((value, key))
        found += _places(inner)
    return found
