"""The scores of two arrays. The metrics have the same names as in files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nnunet_cscn.metrics.catalogue import Metric
from nnunet_cscn.metrics.scores import LabelScores


@dataclass(frozen=True)
class MaskScores:
    """The scores of a predicted mask.

    Attributes:
        scores: The counts and distances from which the metrics are computed.
        metrics: The metrics to report.
    """

    scores: LabelScores
    metrics: tuple[Metric, ...]

    def to_dict(self) -> dict[str, float]:
        """Return the value of every metric by its key. Undefined values are nan; distances may be infinite."""
        return {metric.key: metric.value(self.scores) for metric in self.metrics}


@dataclass(frozen=True)
class LabelMapScores:
    """The scores of a predicted label map.

    Attributes:
        labels: The scores of each label. The key is the value of the label as text, in ascending order.
    """

    labels: Mapping[str, MaskScores]

    def to_dict(self) -> dict[str, dict[str, float]]:
        """Return, for each label, the value of every metric by its key. See ``MaskScores.to_dict``."""
        return {label: scores.to_dict() for label, scores in self.labels.items()}
