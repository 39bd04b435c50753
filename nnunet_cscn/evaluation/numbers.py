"""Format numbers for tables."""

from __future__ import annotations

import math


def format_number(value: float, digits: int) -> str:
    """Format a number for a table. An undefined number becomes a dash.

    Example:
        >>> format_number(0.12345, 3), format_number(math.nan, 3), format_number(math.inf, 3)
        ('0.123', '-', 'inf')
    """
    if math.isnan(value):
        return "-"
    return "inf" if math.isinf(value) else f"{value:.{digits}f}"


def format_p(value: float) -> str:
    """Format a p value for a table. An undefined p value becomes a dash.

    Example:
        >>> format_p(0.0004), format_p(0.25), format_p(math.nan)
        ('<0.001', '0.250', '-')
    """
    return "<0.001" if value < 0.001 else format_number(value, 3)
