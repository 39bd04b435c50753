"""Format numbers with the digits that matter."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def shown_value(value: Any) -> str:
    """Return the value of a voxel as text, with the digits that differ from a whole number.

    Example:
        >>> shown_value(np.float32(0.99999994)), shown_value(1.9999999995), shown_value(0.5), shown_value(3.0)
        ('0.99999994', '1.9999999995', '0.5', '3')
    """
    if isinstance(value, np.floating) and value.dtype.itemsize <= 4:  # the shortest text that is this number
        return str(value).removesuffix(".0")
    number = float(value)
    short = f"{number:.9g}"
    if math.isfinite(number) and float(short) == round(number) != number:
        return repr(number)
    return short
