"""Select metrics by their keys."""

from __future__ import annotations

import math
from collections.abc import Sequence

from nnunet_cscn.errors import ArgumentError
from nnunet_cscn.metrics.catalogue import Metric, metrics


def compared_metrics(keys: Sequence[str]) -> list[Metric]:
    """Return the metrics of the given keys, without duplicates, in the given order.

    Args:
        keys: Keys of metrics for which higher or lower values are better. ``nsd_2.5mm`` is the surface Dice with a
            tolerance of 2.5 mm.

    Raises:
        ArgumentError: When a metric is unknown.

    Example:
        >>> [metric.heading for metric in compared_metrics(["nsd_2.5mm", "dsc", "dsc"])]
        ['NSD 2.5 mm', 'DSC']
    """
    tolerances = surface_tolerances_mm(keys)
    known = {metric.key: metric for metric in metrics(tolerances) if metric.better is not None}
    if unknown := [key for key in keys if key not in known]:
        raise ArgumentError(
            "metrics",
            f"unknown metric {unknown[0]}; available: {', '.join(known)}, and nsd_Nmm for a tolerance of N mm",
        )
    return [known[key] for key in dict.fromkeys(keys)]


def surface_tolerances_mm(keys: Sequence[str]) -> list[float]:
    """Return the tolerances of the surface Dice in the given keys, in mm.

    Raises:
        ArgumentError: When a key that starts with ``nsd_`` has no valid tolerance.

    Example:
        >>> surface_tolerances_mm(["dsc", "nsd_2mm", "nsd_0.5mm"])
        [2.0, 0.5]
    """
    return [_tolerance_mm(key) for key in keys if key.startswith("nsd_")]


def _tolerance_mm(key: str) -> float:
    try:
        tolerance = float(key.removeprefix("nsd_").removesuffix("mm"))
    except ValueError:
        tolerance = -1.0
    if not (math.isfinite(tolerance) and tolerance >= 0 and key == f"nsd_{tolerance:g}mm"):
        raise ArgumentError("metrics", f"expected a tolerance in mm, such as nsd_2mm or nsd_1.5mm, got {key}")
    return tolerance
