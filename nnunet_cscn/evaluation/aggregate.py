"""One label's scores over all cases: statistics of every metric, three overlaps, and the counts beside them."""

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
    """Of one metric over the cases in which it is finite; nan where there are too few.

    Attributes:
        mean: Mean.
        sd: Standard deviation of the sample (n - 1).
        median: Median.
        q25: First quartile (linear interpolation, as the median and the third).
        q75: Third quartile.
    """

    mean: float
    sd: float
    median: float
    q25: float
    q75: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Statistics:
        """Return those of some values; nan and infinity are left out.

        Example:
            >>> Statistics.of([1.0, 2.0, 6.0, math.nan, math.inf])
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
    """What all cases together say about one label.

    Attributes:
        statistics: Of every metric, by its key. Overlaps count a case with one empty mask as 0 and leave out one with
            two; distances leave out the infinite ones.
        f1_of_means: F1 of mean precision and mean recall over the same cases, see `aggregate`.
        dsc_agg: DSC of the voxels of all cases together, as in HNTS-MRG and HECKTOR.
        n: All cases.
        n_empty_reference: Cases where the reference is empty and the prediction is not.
        n_empty_prediction: Cases where the prediction is empty and the reference is not.
        n_both_empty: Cases where both are empty.
        n_infinite_distance: Cases whose distances are infinite and thus not in their means.
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
        """Return all values for a JSON file: nan as None. Statistics have keys such as ``dsc_sd``."""
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
    """Put the cases of one label together.

    Args:
        scores: One entry for each case.
        over: The metrics; None for all with the default tolerances.

    Returns:
        The aggregate; a mean over no case is nan.

    Note:
        The precision of an empty prediction is undefined. Left out of the mean, it would let a method that predicts
        nothing where it is unsure gain in F1. So wherever exactly one mask is empty, precision and recall both enter
        their means as 0, as the DSC of that case does. All these means then run over the same cases and, the harmonic
        mean being concave, `f1_of_means` is never below `dsc_mean`.

    Example:
        One case found whole with as much again predicted beside it, one missed by an empty prediction.

        >>> found = LabelScores(OverlapCounts(true_positive=10, false_positive=10), assd_mm=1.5)
        >>> missed = LabelScores(OverlapCounts(false_negative=10), assd_mm=math.inf)
        >>> together = aggregate([found, missed])
        >>> round(together.dsc_mean, 4), round(together.f1_of_means, 4), together.dsc_agg
        (0.3333, 0.3333, 0.5)
        >>> together.assd_mm_mean, together.n_infinite_distance
        (1.5, 1)
    """
    statistics = {metric.key: Statistics.of(metric.in_means(score) for score in scores) for metric in over or metrics()}
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
