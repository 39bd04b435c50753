"""Tell numbers from what else may stand in a file."""

from __future__ import annotations

import sys
from typing import Any, TypeGuard


def is_number(value: Any) -> TypeGuard[int | float]:
    """Return whether a value from a JSON file is a number that a float can hold: no truth value, no nan or infinity.

    Example:
        >>> is_number(0.5), is_number(True), is_number("0.5"), is_number(float("nan")), is_number(10**400)
        (True, False, False, False, False)
    """
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
