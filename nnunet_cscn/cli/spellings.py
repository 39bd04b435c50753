"""Options that were spelled otherwise before: the old spellings still work, and no help text shows them."""

from __future__ import annotations

NEW_SPELLINGS = {"num-processes": "workers"}


def spelling_of_now(option: str) -> str:
    """Return how an option is spelled now, without its dashes.

    Example:
        >>> spelling_of_now("num-processes"), spelling_of_now("json")
        ('workers', 'json')
    """
    return NEW_SPELLINGS.get(option, option)
