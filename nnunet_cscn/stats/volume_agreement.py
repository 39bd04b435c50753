"""Agreement between predicted and reference volumes (Bland and Altman 1986, doi:10.1016/S0140-6736(86)90837-8)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LIMITS_SD = 1.96


@dataclass(frozen=True)
class VolumeAgreement:
    """The agreement between predicted and reference volumes.

    Attributes:
        means_ml: Mean of both volumes for each case.
        differences_ml: Prediction minus reference for each case.
        bias_ml: Mean difference. nan without cases.
        low_ml: Lower limit of agreement: bias minus 1.96 standard deviations. nan for fewer than two cases.
        high_ml: Upper limit of agreement.
    """

    means_ml: tuple[float, ...]
    differences_ml: tuple[float, ...]
    bias_ml: float
    low_ml: float
    high_ml: float


def volume_agreement(predicted_ml: Sequence[float], reference_ml: Sequence[float]) -> VolumeAgreement:
    """Compare predicted and reference volumes.

    Args:
        predicted_ml: Predicted volume of each case.
        reference_ml: Reference volumes, in the same order.

    Raises:
        ValueError: When the lengths differ.

    Example:
        >>> found = volume_agreement([11.0, 9.0, 10.0], [10.0, 10.0, 10.0])
        >>> found.bias_ml, round(found.low_ml, 2), round(found.high_ml, 2)
        (0.0, -1.96, 1.96)
    """
    predicted, reference = np.asarray(predicted_ml, dtype=np.float64), np.asarray(reference_ml, dtype=np.float64)
    if predicted.shape != reference.shape:
        raise ValueError(f"reference_ml: expected {predicted.size} values as in predicted_ml, got {reference.size}")
    differences = predicted - reference
    bias = float(differences.mean()) if differences.size else math.nan
    spread = LIMITS_SD * float(differences.std(ddof=1)) if differences.size > 1 else math.nan
    means = tuple(float(mean) for mean in (predicted + reference) / 2)
    return VolumeAgreement(means, tuple(map(float, differences)), bias, bias - spread, bias + spread)
