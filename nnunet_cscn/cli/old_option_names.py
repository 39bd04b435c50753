"""Old names of options. They still work but do not appear in help texts."""

from __future__ import annotations

from collections.abc import Callable

_EVERYWHERE = {"num-processes": "workers", "output": "out"}


def current_option_name(option: str) -> str:
    """Return the current name of an option, without dashes.

    Example:
        >>> current_option_name("num-processes"), current_option_name("json")
        ('workers', 'json')
    """
    return _EVERYWHERE.get(option, option)


def accept_old_option_names(**new: str) -> dict[str, Callable[[str], str]]:
    """Return context settings with which a command accepts old option names.

    Example:
        >>> accept_old_option_names(dataset="dataset-id")["token_normalize_func"]("dataset")
        'dataset-id'
    """
    table = {**_EVERYWHERE, **new}
    return {"token_normalize_func": lambda option: table.get(option, option)}
