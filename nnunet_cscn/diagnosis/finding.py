"""The result of one check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """One line of the report of ``cscn doctor``.

    Attributes:
        subject: What was checked.
        state: ``fault``: must be corrected before nnU-Net can train and predict with our trainers. ``note``: worth
            knowing.
        detail: The result.
        remedy: What to do, in one sentence; empty if nothing.
    """

    subject: str
    state: Literal["ok", "note", "fault"]
    detail: str
    remedy: str = ""


def ok(subject: str, detail: str) -> Finding:
    """Return a finding without a problem."""
    return Finding(subject, "ok", detail)


def note(subject: str, detail: str, remedy: str) -> Finding:
    """Return a finding that is worth knowing."""
    return Finding(subject, "note", detail, remedy)


def fault(subject: str, detail: str, remedy: str) -> Finding:
    """Return a finding that must be corrected."""
    return Finding(subject, "fault", detail, remedy)
