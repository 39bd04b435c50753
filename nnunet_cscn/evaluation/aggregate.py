"""Aggregate the scores of one label over all cases: statistics of each metric, overlap, and numbers of empty masks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np

from nnunet_cscn.metrics.catalogue import Metric, metrics
from nnunet_cscn.metrics.overlap import OverlapCounts
from nnunet_cscn.metrics.scores import JsonNumber, LabelScores, json_number


@dataclass(frozen=True)
class Statistics:
    """Statistics of one metric over the cases with a finite value. A value is nan if there are too few cases.

    Attributes:
        mean: Mean.
        sd: Sample standard deviation (n - 1).
        median: Median.
        q25: First quartile. All quartiles use linear interpolation.
        q75: Third quartile.
    """

    mean: float
    sd: float
    median: float
    q25: float
    q75: float

    @classmethod
    def from_values(cls, values: Iterable[float]) -> Statistics:
        """Return the statistics of the values. Values that are nan or infinite are excluded.

        Example:
            >>> Statistics.from_values([1.0, 2.0, 6.0, math.nan, math.inf])
            Statistics(mean=3.0, sd=2.6457513110645907, median=2.0, q25=1.5, q75=4.0)
        """
        finite = [value for value in values if math.isfinite(value)]
        if not finite:
            return cls(*[math.nan] * 5)
        mean = math.fsum(finite) / len(finite)
        squares = math.fsum((value - mean) ** 2 for value in finite)
        q25, median, q75 = (float(q) for q in np.percentile(finite, (25, 50, 75)))
        return cls(mean, math.sqrt(squares / (len(finite) - 1)) if len(finite) > 1 else math.nan, median, q25, q75)


@dataclass(frozen=True)
class LabelAggregate:
    """The scores of one label, aggregated over all cases.

    Attributes:
        statistics: The statistics of each metric, by its key. For overlap metrics, a case with one empty mask counts as
            0 and a case with two empty masks is excluded. For distances, infinite values are excluded.
        f1_of_means: F1 computed from mean precision and mean recall over the same cases, see `aggregate`.
        dsc_agg: DSC of the voxels of all cases together (aggregated DSC), as in HNTS-MRG and HECKTOR.
        n: Number of cases.
        n_empty_reference: Number of cases in which only the reference is empty.
        n_empty_prediction: Number of cases in which only the prediction is empty.
        n_both_empty: Number of cases in which both masks are empty.
        n_infinite_distance: Number of cases with infinite distances. The means of the distances exclude them.
    """

    statistics: Mapping[str, Statistics]
    f1_of_means: float
    dsc_agg: float
    n: int
    n_empty_reference: int
    n_empty_prediction: int
    n_both_empty: int
    n_infinite_distance: int

    @property
    def dsc_mean(self) -> float:
        """Mean DSC over the cases."""
        return self.statistics["dsc"].mean

    @property
    def assd_mm_mean(self) -> float:
        """Mean ASSD in mm over the cases where it is finite."""
        return self.statistics["assd_mm"].mean

    def to_json(self) -> dict[str, JsonNumber]:
        """Return all values for a JSON file, with nan as None. Statistics have keys such as ``dsc_sd``."""
        content: dict[str, JsonNumber] = {
            "dsc_mean": json_number(self.dsc_mean),
            "f1_of_means": json_number(self.f1_of_means),
            "dsc_agg": json_number(self.dsc_agg),
            "assd_mm_mean": json_number(self.assd_mm_mean),
            "n": self.n,
            "n_empty_reference": self.n_empty_reference,
            "n_empty_prediction": self.n_empty_prediction,
            "n_both_empty": self.n_both_empty,
            "n_infinite_distance": self.n_infinite_distance,
        }
        for key, statistics in self.statistics.items():
            for field in fields(Statistics):
                content[f"{key}_{field.name}"] = json_number(getattr(statistics, field.name))
        return content


def aggregate(scores: Sequence[LabelScores], over: Sequence[Metric] | None = None) -> LabelAggregate:
    """Aggregate the scores of one label over all cases.

    Args:
        scores: The scores of each case.
        over: The metrics. None for all metrics with the default tolerances.

    Returns:
        The aggregate. A mean over no case is nan.

    Note:
        The precision of an empty prediction is undefined. If the mean excluded it, a method could raise its F1 by
        predicting nothing in difficult cases. So if exactly one mask is empty, precision and recall both count as 0 in
        their means, like the DSC. All these means are then over the same cases. The harmonic mean is concave, so
        `f1_of_means` is never below `dsc_mean`.

    Example:
        In the first case, half of the prediction is right and all of the reference is found. In the second case, the
        prediction is empty.

        >>> found = LabelScores(OverlapCounts(true_positive=10, false_positive=10), assd_mm=1.5)
        >>> missed = LabelScores(OverlapCounts(false_negative=10), assd_mm=math.inf)
        >>> together = aggregate([found, missed])
        >>> round(together.dsc_mean, 4), round(together.f1_of_means, 4), together.dsc_agg
        (0.3333, 0.3333, 0.5)
        >>> together.assd_mm_mean, together.n_infinite_distance
        (1.5, 1)
    """
    statistics = {
        metric.key: Statistics.from_values(metric.value_for_mean(score) for score in scores)
        for metric in over or metrics()
    }
    precision, recall = statistics["precision"].mean, statistics["recall"].mean
    counts = [score.counts for score in scores]
    return LabelAggregate(
        statistics=statistics,
        f1_of_means=2 * precision * recall / (precision + recall) if precision + recall else precision,
        dsc_agg=sum(counts, OverlapCounts()).dsc,
        n=len(counts),
        n_empty_reference=sum(c.reference_is_empty and not c.prediction_is_empty for c in counts),
        n_empty_prediction=sum(c.prediction_is_empty and not c.reference_is_empty for c in counts),
        n_both_empty=sum(c.prediction_is_empty and c.reference_is_empty for c in counts),
        n_infinite_distance=sum(math.isinf(score.assd_mm) for score in scores),
    )
