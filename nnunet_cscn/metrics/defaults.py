"""Default values. This module imports nothing, so that the command line can show them quickly."""

from __future__ import annotations

COMPARED_METRICS = ("dsc", "nsd_2mm", "hd95_mm")
