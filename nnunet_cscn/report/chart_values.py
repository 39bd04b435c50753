"""Select the values that the charts show from the scores of a folder."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nnunet_cscn.evaluation.folder import FolderScores
from nnunet_cscn.metrics.catalogue import Metric
from nnunet_cscn.stats.volume_agreement import VolumeAgreement, volume_agreement

_REDUNDANT = ("f1", "iou", "hd_mm")  # other metrics contain the same information


@dataclass(frozen=True)
class LabelPoints:
    """The finite values of one metric for one label, with their cases."""

    cases: tuple[str, ...]
    values: tuple[float, ...]


@dataclass(frozen=True)
class Box:
    """The five numbers of a box plot.

    Attributes:
        low: The lowest value within 1.5 interquartile ranges below the first quartile.
        q25: First quartile (linear interpolation, as in the tables).
        median: Median.
        q75: Third quartile.
        high: The highest value within 1.5 interquartile ranges above the third quartile.
    """

    low: float
    q25: float
    median: float
    q75: float
    high: float

    @classmethod
    def from_values(cls, values: Sequence[float]) -> Box:
        """Compute the box plot of one or more finite values.

        Example:
            >>> Box.from_values([1.0, 2.0, 3.0, 4.0, 50.0])
            Box(low=1.0, q25=2.0, median=3.0, q75=4.0, high=4.0)
        """
        q25, median, q75 = (float(q) for q in np.percentile(values, (25, 50, 75)))
        reach = 1.5 * (q75 - q25)
        inside = [value for value in values if q25 - reach <= value <= q75 + reach]
        return cls(min(inside), q25, median, q75, max(inside))


def point_offsets(n_points: int) -> list[float]:
    """Return horizontal offsets for the points of a box plot, so that the points do not overlap."""
    return [float(offset) for offset in np.random.default_rng(0).uniform(-0.16, 0.16, n_points)]


def label_title(label: str) -> str:
    """Return the name of a label for titles. Without a dataset.json, a label is only a number.

    Example:
        >>> label_title("1"), label_title("GTVp")
        ('label 1', 'GTVp')
    """
    return f"label {label}" if label.isdigit() else label


def escape_dollars(text: str) -> str:
    """Escape dollar signs, because matplotlib interprets text between dollars as a formula.

    Example:
        >>> escape_dollars("cost in $")
        'cost in \\\\$'
    """
    return text.replace("$", r"\$")


def points_of(scores: FolderScores, label: str, metric: Metric) -> LabelPoints:
    """Return the finite values of one metric that its mean uses."""
    found = {case: metric.value_for_mean(by_label[label]) for case, by_label in scores.cases.items()}
    kept = {case: value for case, value in found.items() if math.isfinite(value)}
    return LabelPoints(tuple(kept), tuple(kept.values()))


def charted_metrics(metrics: Sequence[Metric]) -> list[Metric]:
    """Return the metrics whose distribution is shown: one of each kind, and the surface Dice at all tolerances."""
    return [metric for metric in metrics if metric.better is not None and metric.key not in _REDUNDANT]


def dsc_by_volume(scores: FolderScores, label: str) -> tuple[LabelPoints, tuple[float, ...]]:
    """Return the DSC and the reference volume in ml of all cases with a reference that is not empty."""
    kept = {case: by_label[label] for case, by_label in scores.cases.items() if by_label[label].reference_volume_ml > 0}
    points = LabelPoints(tuple(kept), tuple(score.counts.dsc for score in kept.values()))
    return points, tuple(score.reference_volume_ml for score in kept.values())


def volumes_of(scores: FolderScores, label: str) -> tuple[list[str], VolumeAgreement]:
    """Return the cases in which at least one mask is not empty, and the agreement of the volumes in these cases."""
    kept = {
        case: by_label[label]
        for case, by_label in scores.cases.items()
        if by_label[label].volume_ml + by_label[label].reference_volume_ml > 0
    }
    agreement = volume_agreement(
        [score.volume_ml for score in kept.values()], [score.reference_volume_ml for score in kept.values()]
    )
    return list(kept), agreement
