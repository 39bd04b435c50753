"""The scores of two arrays, under the names that the metrics have in files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nnunet_cscn.metrics.catalogue import Metric
from nnunet_cscn.metrics.scores import LabelScores


@dataclass(frozen=True)
class MaskScores:
    """The scores of a predicted mask.

    Attributes:
        scores: What was counted and measured.
        metrics: The metrics that are made of it.
    """

    scores: LabelScores
    metrics: tuple[Metric, ...]

    def to_dict(self) -> dict[str, float]:
        """Return the value of every metric by its key: nan where it is undefined, infinity where a distance is."""
        return {metric.key: metric.value(self.scores) for metric in self.metrics}


@dataclass(frozen=True)
class LabelMapScores:
    """The scores of a predicted label map.

    Attributes:
        labels: The scores of each label, by its value as a text, ascending.
    """

    labels: Mapping[str, MaskScores]

    def to_dict(self) -> dict[str, dict[str, float]]:
        """Return for each label the value of every metric by its key, as ``MaskScores.to_dict`` does."""
        return {label: scores.to_dict() for label, scores in self.labels.items()}
