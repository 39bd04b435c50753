"""Print the result of a conversion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnunet_cscn.cli.app import console
from nnunet_cscn.cli.notes import show_notes
from nnunet_cscn.dicom.wording import damaged_files
from nnunet_cscn.errors import UserError
from nnunet_cscn.texts import counted, listing

if TYPE_CHECKING:
    from nnunet_cscn.workflows.conversion_result import ConversionResult


def show_result(result: ConversionResult, *, remedy: str = "correct these cases and run the command again") -> None:
    """Print the number of converted cases and of all cases, and what was ignored or changed in them.

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
    text = f"{result.folder}: {n_there} of {counted(result.n_cases, 'case')} converted{unchanged}"
    console.print(text, soft_wrap=True, markup=False, highlight=False)
    notes = [f"{name}: {note}" for name, case in sorted(result.converted.items()) for note in case.notes]
    show_notes(notes, f"see the column notes of {result.report}")
    if result.problems:
        lines = [f"{case}: {reason}" for case, reason in sorted(result.problems.items())]
        heading = f"{len(lines)} of {counted(result.n_cases, 'case')} cannot be converted; {remedy}:"
        raise UserError(listing(heading, lines))
