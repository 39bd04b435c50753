"""Print the result of a conversion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnunet_cscn.cli.app import console
from nnunet_cscn.dicom.wording import damaged_files
from nnunet_cscn.errors import UserError

if TYPE_CHECKING:
    from nnunet_cscn.workflows.conversion_result import ConversionResult


def show_result(result: ConversionResult, *, remedy: str = "correct these cases and run the command again") -> None:
    """Print the number of converted cases and of all cases.

    Args:
        result: The result of the conversion.
        remedy: What the user should do about cases that cannot be converted.

    Raises:
        UserError: When cases cannot be converted. The message lists them.
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
