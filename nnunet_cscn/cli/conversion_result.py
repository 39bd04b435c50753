"""What conversions passed over, and how they end."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from nnunet_cscn.cli.app import console
from nnunet_cscn.errors import UserError

if TYPE_CHECKING:
    from nnunet_cscn.conversion.pipeline import ConvertedCase


def tell_damaged(count: int) -> None:
    """Say how many DICOM files are damaged, if any are."""
    if count:
        files = "file was" if count == 1 else "files were"
        console.print(f"{count} damaged DICOM {files} passed over", highlight=False)


def show_result(
    folder: Path, converted: Mapping[str, ConvertedCase], problems: Mapping[str, str], *, remedy: str
) -> None:
    """Say how many cases of how many are there.

    Args:
        folder: The raw data set.
        converted: The cases that are there.
        problems: Why others are not.
        remedy: What to do about these.

    Raises:
        UserError: When there are problems; it lists them.
    """
    n_cases, n_new = len(converted) + len(problems), sum(case.is_new for case in converted.values())
    unchanged = f", {len(converted) - n_new} of them already there" if n_new < len(converted) else ""
    text = f"{folder}: {len(converted)} of {n_cases} cases converted{unchanged}"
    console.print(text, soft_wrap=True, markup=False, highlight=False)
    if problems:
        lines = [f"{case}: {reason}" for case, reason in sorted(problems.items())]
        heading = f"{len(problems)} of {n_cases} cases can't be converted; {remedy}:"
        raise UserError("\n  ".join([heading, *lines]))
