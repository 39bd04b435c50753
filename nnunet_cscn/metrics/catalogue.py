"""The list of all metrics: name, unit, definition, and the value for empty masks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from nnunet_cscn.metrics.scores import DEFAULT_TOLERANCES_MM, JsonNumber, LabelScores, json_number

Better = Literal["higher", "lower"]

_OVERLAP = "0 when one mask is empty; a case with two empty masks is left out."
_DISTANCE = (
    "In mm on the file's own grid, between the voxels that have a face towards the background, the volume's border "
    "counting as background. Infinite when one mask is empty; a case with two empty masks is left out."
)


@dataclass(frozen=True)
class Metric:
    """A metric.

    Attributes:
        key: Name in files.
        heading: Name in tables and charts.
        definition: Definition, including the value for empty masks.
        value: The function that returns the value in one case. Undefined values are nan.
        digits: Number of decimals to show.
        better: Whether higher or lower values are better. None if neither is better.
    """

    key: str
    heading: str
    definition: str
    value: Callable[[LabelScores], float]
    digits: int = 3
    better: Better | None = None

    def value_for_mean(self, scores: LabelScores) -> float:
        """Return the value to use in means. If exactly one mask is empty, precision and recall are 0, like the DSC."""
        if self.key in ("precision", "recall") and scores.has_one_empty:
            return 0.0
        return self.value(scores)


def metrics(tolerances_mm: Sequence[float] = DEFAULT_TOLERANCES_MM) -> tuple[Metric, ...]:
    """Return all metrics in the order of the tables.

    Args:
        tolerances_mm: Tolerances of the surface Dice (NSD), in mm.

    Example:
        >>> [metric.key for metric in metrics((2.5,))][6:10]
        ['iou', 'hd_mm', 'nsd_2.5mm', 'volume_ml']
    """
    return (*_FIRST, *(_surface_dice(tolerance) for tolerance in tolerances_mm), *_LAST)


def scores_to_json(scores: LabelScores, over: Sequence[Metric]) -> dict[str, JsonNumber]:
    """Return the value of every metric for a JSON file, with nan as None and infinity as "inf"."""
    return {metric.key: json_number(metric.value(scores)) for metric in over}


def _surface_dice(tolerance_mm: float) -> Metric:
    return Metric(
        f"nsd_{tolerance_mm:g}mm",
        f"NSD {tolerance_mm:g} mm",
        f"Surface Dice: share of both surfaces' voxels within {tolerance_mm:g} mm of the other surface. {_OVERLAP}",
        lambda scores: scores.nsd.get(tolerance_mm, math.nan),
        better="higher",
    )


_FIRST = (
    Metric(
        "dsc",
        "DSC",
        f"Dice similarity coefficient: twice the shared voxels over the sum of both masks'. {_OVERLAP}",
        lambda scores: scores.counts.dsc,
        better="higher",
    ),
    Metric(
        "precision",
        "precision",
        "Share of the predicted voxels that are right. Undefined for an empty prediction; in means 0 when one mask is "
        "empty.",
        lambda scores: scores.counts.precision,
        better="higher",
    ),
    Metric(
        "recall",
        "recall",
        "Share of the reference's voxels that were found. Undefined for an empty reference; in means 0 when one mask "
        "is empty.",
        lambda scores: scores.counts.recall,
        better="higher",
    ),
    Metric(
        "f1",
        "F1",
        f"Harmonic mean of precision and recall: for one case the same number as DSC. {_OVERLAP}",
        lambda scores: scores.counts.f1,
        better="higher",
    ),
    Metric(
        "assd_mm",
        "ASSD mm",
        f"Average symmetric surface distance: the mean of the two directed means (Eq. 9 of the paper). {_DISTANCE}",
        lambda scores: scores.assd_mm,
        digits=2,
        better="lower",
    ),
    Metric(
        "hd95_mm",
        "HD95 mm",
        f"The larger of the two directed 95th percentiles, linearly interpolated. {_DISTANCE}",
        lambda scores: scores.hd95_mm,
        digits=2,
        better="lower",
    ),
    Metric(
        "iou",
        "IoU",
        f"Intersection over union. {_OVERLAP}",
        lambda scores: scores.counts.iou,
        better="higher",
    ),
    Metric(
        "hd_mm",
        "HD mm",
        f"Largest surface distance (Hausdorff). {_DISTANCE}",
        lambda scores: scores.hd_mm,
        digits=2,
        better="lower",
    ),
)

_LAST = (
    Metric(
        "volume_ml",
        "volume ml",
        "Volume of the prediction: voxels times their size.",
        lambda scores: scores.volume_ml,
        digits=2,
    ),
    Metric(
        "reference_volume_ml",
        "reference ml",
        "Volume of the reference.",
        lambda scores: scores.reference_volume_ml,
        digits=2,
    ),
    Metric(
        "volume_difference_ml",
        "difference ml",
        "Volume of the prediction minus that of the reference.",
        lambda scores: scores.volume_ml - scores.reference_volume_ml,
        digits=2,
    ),
    Metric(
        "apl_mm",
        "APL mm",
        "Added path length: pixels of the reference's contours, slice by slice along the file's last axis, that are "
        "not on the prediction's, times the size of a pixel. 0 when only the reference is empty; a case with two empty "
        "masks is left out.",
        lambda scores: scores.apl_mm,
        digits=0,
        better="lower",
    ),
    Metric(
        "n_components",
        "parts",
        "Connected parts of the prediction (26 neighbours).",
        lambda scores: scores.lesions.true_positive + scores.lesions.false_positive,
        digits=1,
    ),
    Metric(
        "n_reference_components",
        "reference parts",
        "Connected parts of the reference (26 neighbours).",
        lambda scores: scores.lesions.true_positive + scores.lesions.false_negative,
        digits=1,
    ),
    Metric(
        "lesion_f1",
        "lesion F1",
        f"F1 of the connected parts: a predicted and a true one match when their IoU is above 0.5. {_OVERLAP}",
        lambda scores: scores.lesions.f1,
        better="higher",
    ),
)
