"""How numbers are shown to people."""

from __future__ import annotations

import math


def shown_number(value: float, digits: int) -> str:
    """Return a number for a table: a dash where it is undefined.

    Example:
        >>> shown_number(0.12345, 3), shown_number(math.nan, 3), shown_number(math.inf, 3)
        ('0.123', '-', 'inf')
    """
    if math.isnan(value):
        return "-"
    return "inf" if math.isinf(value) else f"{value:.{digits}f}"


def shown_p(value: float) -> str:
    """Return a p value for a table.

    Example:
        >>> shown_p(0.0004), shown_p(0.25), shown_p(math.nan)
        ('<0.001', '0.250', '-')
    """
    return "<0.001" if value < 0.001 else shown_number(value, 3)
