"""One label's scores over all cases: three means of the overlap, one of the distance, and the counts beside them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nnunet_cscn.evaluation.overlap import OverlapCounts
from nnunet_cscn.evaluation.scores import JsonNumber, LabelScores, json_number


@dataclass(frozen=True)
class LabelAggregate:
    """What all cases together say about one label.

    Attributes:
        dsc_mean: Mean DSC over the cases. A case with one empty mask counts as 0; one with two is left out.
        f1_of_means: F1 of mean precision and mean recall over the same cases, see `aggregate`.
        dsc_agg: DSC of the voxels of all cases together, as in HNTS-MRG and HECKTOR.
        assd_mm_mean: Mean ASSD in mm over the cases where it is finite.
        n: All cases.
        n_empty_reference: Cases where the reference is empty and the prediction is not.
        n_empty_prediction: Cases where the prediction is empty and the reference is not.
        n_both_empty: Cases where both are empty.
        n_infinite_distance: Cases whose ASSD is infinite and thus not in ``assd_mm_mean``.
    """

    dsc_mean: float
    f1_of_means: float
    dsc_agg: float
    assd_mm_mean: float
    n: int
    n_empty_reference: int
    n_empty_prediction: int
    n_both_empty: int
    n_infinite_distance: int

    def to_json(self) -> dict[str, JsonNumber]:
        """Return all values for a JSON file: nan as None."""
        return {
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


def aggregate(scores: Sequence[LabelScores]) -> LabelAggregate:
    """Put the cases of one label together.

    Args:
        scores: One entry for each case.

    Returns:
        The aggregate; a mean over no case is nan.

    Note:
        The precision of an empty prediction is undefined. Left out of the mean, it would let a method that predicts
        nothing where it is unsure gain in F1. So wherever exactly one mask is empty, precision and recall both enter
        `f1_of_means` as 0, as the DSC of that case does. All three means then run over the same cases and, the
        harmonic mean being concave, `f1_of_means` is never below `dsc_mean`.

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
    counts = [score.counts for score in scores]
    defined = [count for count in counts if not (count.prediction_is_empty and count.reference_is_empty)]
    precision = _mean([0.0 if count.prediction_is_empty else count.precision for count in defined])
    recall = _mean([0.0 if count.reference_is_empty else count.recall for count in defined])
    return LabelAggregate(
        dsc_mean=_mean([count.dsc for count in defined]),
        f1_of_means=2 * precision * recall / (precision + recall) if precision + recall else precision,
        dsc_agg=sum(counts, OverlapCounts()).dsc,
        assd_mm_mean=_mean([score.assd_mm for score in scores if math.isfinite(score.assd_mm)]),
        n=len(counts),
        n_empty_reference=sum(count.reference_is_empty for count in defined),
        n_empty_prediction=sum(count.prediction_is_empty for count in defined),
        n_both_empty=len(counts) - len(defined),
        n_infinite_distance=sum(math.isinf(score.assd_mm) for score in scores),
    )


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan
