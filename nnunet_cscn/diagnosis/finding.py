"""What one check found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """One line of the diagnosis.

    Attributes:
        subject: What was looked at.
        state: ``fault`` must be mended before nnU-Net can train and predict with our trainers; ``note`` need not be.
        detail: What was found.
        remedy: One sentence; empty where nothing is to be done.
    """

    subject: str
    state: Literal["ok", "note", "fault"]
    detail: str
    remedy: str = ""


def ok(subject: str, detail: str) -> Finding:
    """Return a finding that needs nothing."""
    return Finding(subject, "ok", detail)


def note(subject: str, detail: str, remedy: str) -> Finding:
    """Return a finding that is worth knowing."""
    return Finding(subject, "note", detail, remedy)


def fault(subject: str, detail: str, remedy: str) -> Finding:
    """Return a finding that must be mended."""
    return Finding(subject, "fault", detail, remedy)
