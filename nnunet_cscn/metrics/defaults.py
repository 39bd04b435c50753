"""What is taken where nobody says otherwise; imports nothing, so that the command line can show it."""

from __future__ import annotations

COMPARED_METRICS = ("dsc", "nsd_2mm", "hd95_mm")
