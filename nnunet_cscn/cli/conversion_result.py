"""How conversions show their progress, what they passed over, and how they end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnunet_cscn.cli.app import console
from nnunet_cscn.dicom.wording import damaged_files
from nnunet_cscn.errors import UserError

if TYPE_CHECKING:
    from nnunet_cscn.workflows.conversion_result import ConversionResult


def show_result(result: ConversionResult, *, remedy: str = "correct these cases and run the command again") -> None:
    """Say how many cases of how many are there.

    Args:
        result: What the conversion left.
        remedy: What to do about cases that can't be converted.

    Raises:
        UserError: When there are such cases; it lists them.
    """
    if result.n_damaged:
        console.print(damaged_files(result.n_damaged), highlight=False)
    if result.n_archives:
        console.print(f"archives such as .zip were not read: {result.n_archives}; unpack them first", highlight=False)
    n_there = len(result.converted)
    unchanged = f", {n_there - result.n_new} of them already there" if result.n_new < n_there else ""
    text = f"{result.folder}: {n_there} of {result.n_cases} cases converted{unchanged}"
    console.print(text, soft_wrap=True, markup=False, highlight=False)
    if result.problems:
        lines = [f"{case}: {reason}" for case, reason in sorted(result.problems.items())]
        heading = f"{len(lines)} of {result.n_cases} cases cannot be converted; {remedy}:"
        raise UserError("\n  ".join([heading, *lines]))
