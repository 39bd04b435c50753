"""Checks of option values, with their error messages."""

from __future__ import annotations

from nnunet_cscn.errors import UserError

BLOCK = "cscn"


def check_at_least(name: str, value: float, bound: float) -> None:
    """Raise if a value is below a bound.

    Raises:
        UserError: With the option's name.
    """
    if value < bound:
        raise UserError(f"{BLOCK}.{name}: expected a value of at least {bound:g}, got {value:g}")


def check_above(name: str, value: float, bound: float) -> None:
    """Raise if a value is not above a bound.

    Raises:
        UserError: With the option's name.
    """
    if value <= bound:
        raise UserError(f"{BLOCK}.{name}: expected a value above {bound:g}, got {value:g}")


def check_fraction(name: str, value: float) -> None:
    """Raise if a value is outside 0 to 1.

    Raises:
        UserError: With the option's name.
    """
    if not 0 <= value <= 1:
        raise UserError(f"{BLOCK}.{name}: expected a number from 0 to 1, got {value:g}")


def check_sizes(name: str, value: tuple[int, ...] | None) -> None:
    """Raise if a value is not None and not two or three positive numbers, one per axis.

    Raises:
        UserError: With the option's name.
    """
    if value is not None and (len(value) not in (2, 3) or min(value) < 1):
        raise UserError(f"{BLOCK}.{name}: expected one positive number for each axis, got {list(value)}")
