"""How notes on results are shown."""

from __future__ import annotations

from collections.abc import Iterable

from nnunet_cscn.cli.cut_tables import show_lines

SHOWN_NOTES = 10  # more fill a screen


def show_notes(notes: Iterable[str], remedy: str) -> None:
    """Print what should be known about results, a line each, and where to find those that are too many to show."""
    show_lines([f"note: {note}" for note in notes], remedy, noun="more note", most=SHOWN_NOTES)
