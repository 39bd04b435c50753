"""Options that were spelled otherwise before: the old spellings still work, and no help text shows them."""

from __future__ import annotations

from collections.abc import Callable

_EVERYWHERE = {"num-processes": "workers", "output": "out"}


def spelling_of_now(option: str) -> str:
    """Return how an option is spelled now, without its dashes.

    Example:
        >>> spelling_of_now("num-processes"), spelling_of_now("json")
        ('workers', 'json')
    """
    return _EVERYWHERE.get(option, option)


def with_old_spellings(**new: str) -> dict[str, Callable[[str], str]]:
    """Return the context settings of a command that had spellings of its own.

    Example:
        >>> with_old_spellings(dataset="dataset-id")["token_normalize_func"]("dataset")
        'dataset-id'
    """
    table = {**_EVERYWHERE, **new}
    return {"token_normalize_func": lambda option: table.get(option, option)}
