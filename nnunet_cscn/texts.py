"""Text from files and their names, made safe to show, and numbers with their nouns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, TypeGuard

# control characters without tab and line feed, lone surrogates, characters that change the direction of text
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")

_MOST_NAMES = 5


def are_texts(values: Any) -> TypeGuard[list[str]]:
    """Return whether a value from a JSON file is a list of texts.

    Example:
        >>> are_texts(["case_1"]), are_texts([]), are_texts("case_1"), are_texts([1])
        (True, True, False, False)
    """
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun.

    Example:
        >>> counted(1, "case"), counted(0, "case"), counted(1000, "epoch")
        ('1 case', '0 cases', '1000 epochs')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def listing(heading: str, lines: Sequence[str]) -> str:
    """Return a heading with indented lines below it.

    Example:
        >>> print(listing("2 cases cannot be read:", ["case_1: it is empty", "case_2: it is not a NIfTI file"]))
        2 cases cannot be read:
          case_1: it is empty
          case_2: it is not a NIfTI file
    """
    return "\n  ".join([heading, *lines])


def first_names(names: Sequence[str]) -> str:
    """Return at most five names with commas, and the number of the others.

    Example:
        >>> first_names([f"case_{number}" for number in range(1, 9)])
        'case_1, case_2, case_3, case_4, case_5 and 3 more'
    """
    shown = ", ".join(names[:_MOST_NAMES])
    return shown if len(names) <= _MOST_NAMES else f"{shown} and {len(names) - _MOST_NAMES} more"


def escape_controls(text: str) -> str:
    """Return ``text`` with escapes in place of characters that could control a terminal.

    Example:
        >>> print(escape_controls("case" + chr(27) + "[2J"))
        case\\x1b[2J
    """
    return _CONTROLS.sub(lambda found: ascii(found[0])[1:-1], text)
