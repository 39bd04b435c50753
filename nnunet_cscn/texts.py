"""Text from files and their names, made safe to show, and numbers with their nouns."""

from __future__ import annotations

import re

# control characters without tab and line feed, lone surrogates, characters that change the direction of text
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")


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
