"""What values an option may have; the sentences that say so."""

from __future__ import annotations

from nnunet_cscn.errors import UserError

BLOCK = "cscn"


def at_least(name: str, value: float, bound: float) -> None:
    """Refuse a value below a bound.

    Raises:
        UserError: With the option's name.
    """
    if value < bound:
        raise UserError(f"{BLOCK}.{name}: expected a value of at least {bound:g}, got {value:g}")


def above(name: str, value: float, bound: float) -> None:
    """Refuse a value that is not above a bound.

    Raises:
        UserError: With the option's name.
    """
    if value <= bound:
        raise UserError(f"{BLOCK}.{name}: expected a value above {bound:g}, got {value:g}")


def share(name: str, value: float) -> None:
    """Refuse a value outside 0 to 1.

    Raises:
        UserError: With the option's name.
    """
    if not 0 <= value <= 1:
        raise UserError(f"{BLOCK}.{name}: expected a number from 0 to 1, got {value:g}")


def edges(name: str, value: tuple[int, ...] | None) -> None:
    """Refuse anything but one positive number for each axis, two or three of them; None passes.

    Raises:
        UserError: With the option's name.
    """
    if value is not None and (len(value) not in (2, 3) or min(value) < 1):
        raise UserError(f"{BLOCK}.{name}: expected one positive number for each axis, got {list(value)}")
