"""Check the `summary.json` that nnU-Net writes at the end of a validation."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nnunet_cscn.files import parse_json


def is_whole_summary(file: Path) -> bool:
    """Return whether a summary exists and holds what its readers use: the Dice of each case and the mean.

    The number of cases is not compared with the folds, which may have changed since the training.

    Raises:
        OSError: When the file cannot be read at present.
    """
    try:
        content = parse_json(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return False
    if not isinstance(content, dict):
        return False
    cases = content.get("metric_per_case")
    has_cases = isinstance(cases, list) and bool(cases) and all(_is_case(case) for case in cases)
    return has_cases and _has_dice(content.get("foreground_mean"))


def _is_case(case: Any) -> bool:
    if not isinstance(case, Mapping) or not isinstance(case.get("reference_file"), str):
        return False
    metrics = case.get("metrics")
    return isinstance(metrics, Mapping) and bool(metrics) and all(_has_dice(values) for values in metrics.values())


def _has_dice(values: Any) -> bool:
    """Return whether there is a Dice; nnU-Net writes NaN where both masks are empty."""
    dice = values.get("Dice") if isinstance(values, Mapping) else None
    return isinstance(dice, (int, float)) and not isinstance(dice, bool)
