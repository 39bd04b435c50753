"""How notes on results are shown."""

from __future__ import annotations

from collections.abc import Iterable

from nnunet_cscn.cli.app import console


def show_notes(notes: Iterable[str]) -> None:
    """Print what should be known about results, a line each."""
    for note in notes:
        console.print(f"note: {note}", markup=False, highlight=False, soft_wrap=True)
