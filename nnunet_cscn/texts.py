"""Text from files and their names, made safe to show, and numbers with their nouns."""

from __future__ import annotations

import re
from typing import Any, TypeGuard

# control characters without tab and line feed, lone surrogates, characters that change the direction of text
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")


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


def escape_controls(text: str) -> str:
    """Return ``text`` with escapes in place of characters that could control a terminal.

    Example:
        >>> print(escape_controls("case" + chr(27) + "[2J"))
        case\\x1b[2J
    """
    return _CONTROLS.sub(lambda found: ascii(found[0])[1:-1], text)
