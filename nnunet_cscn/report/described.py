"""What each chart of a report shows, once for the page (Plotly) and for the figures (matplotlib)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from nnunet_cscn.evaluation.folder import FolderScores
from nnunet_cscn.metrics.catalogue import Metric
from nnunet_cscn.report.colours import label_colours
from nnunet_cscn.report.measured import Box, beside, dsc_by_volume, points_of, shown_label, volumes_of

SHARE_RANGE = (-0.03, 1.03)  # of an axis from 0 to 1, so that points at its ends are seen whole


@dataclass(frozen=True)
class Dots:
    """A point for each case of one label.

    Attributes:
        name: The label's name for people.
        colour: Its colour.
        cases: The cases.
        x: Where each stands on the horizontal axis.
        y: Its value.
    """

    name: str
    colour: str
    cases: tuple[str, ...]
    x: tuple[float, ...]
    y: tuple[float, ...]


@dataclass(frozen=True)
class Level:
    """A horizontal line through a chart, with its name and value beside it."""

    value: float
    name: str
    is_dashed: bool

    @property
    def text(self) -> str:
        """What stands beside it."""
        return f"{self.name} {self.value:+.1f}"


@dataclass(frozen=True)
class Scatter:
    """Points of one label or several.

    Attributes:
        x_title: What the horizontal axis shows, with its unit.
        y_title: What the vertical axis shows.
        dots: The points of each label.
        levels: Horizontal lines.
    """

    x_title: str
    y_title: str
    dots: tuple[Dots, ...]
    levels: tuple[Level, ...] = ()


@dataclass(frozen=True)
class BoxedDots:
    """Box and points of one label, around its place on the horizontal axis."""

    place: int
    box: Box
    dots: Dots


@dataclass(frozen=True)
class Distribution:
    """The spread of one metric.

    Attributes:
        metric: The metric.
        names: The labels' names for people, in the order of their places: 0, 1, ...
        groups: Box and points of every label that has any value.
    """

    metric: Metric
    names: tuple[str, ...]
    groups: tuple[BoxedDots, ...]

    @property
    def y_range(self) -> tuple[float, float] | None:
        """The range of the vertical axis; None where it begins at 0 and ends where the values do."""
        return SHARE_RANGE if self.metric.better == "higher" else None


def distribution(scores: FolderScores, metric: Metric) -> Distribution:
    """Describe box and points of one metric, for each label."""
    groups = []
    for place, (label, colour) in enumerate(label_colours(scores.labels).items()):
        points = points_of(scores, label, metric)
        if points.cases:
            x = tuple(place + offset for offset in beside(len(points.cases)))
            dots = Dots(shown_label(label), colour, points.cases, x, points.values)
            groups.append(BoxedDots(place, Box.of(points.values), dots))
    return Distribution(metric, tuple(map(shown_label, scores.labels)), tuple(groups))


def dsc_over_volume(scores: FolderScores) -> Scatter:
    """Describe the DSC of each case over the volume of its reference; that axis is logarithmic."""
    dots = []
    for label, colour in label_colours(scores.labels).items():
        points, volumes_ml = dsc_by_volume(scores, label)
        dots.append(Dots(shown_label(label), colour, points.cases, volumes_ml, points.values))
    return Scatter("reference volume (ml)", "DSC", tuple(dots))


def volume_differences(scores: FolderScores, label: str) -> Scatter:
    """Describe the differences of predicted and true volumes over their means, with bias and limits of agreement."""
    cases, agreement = volumes_of(scores, label)
    colour = label_colours(scores.labels)[label]
    dots = Dots(shown_label(label), colour, tuple(cases), agreement.means_ml, agreement.differences_ml)
    levels = (
        Level(agreement.bias_ml, "bias", is_dashed=False),
        Level(agreement.low_ml, "-1.96 SD", is_dashed=True),
        Level(agreement.high_ml, "+1.96 SD", is_dashed=True),
    )
    finite = tuple(level for level in levels if math.isfinite(level.value))
    return Scatter("mean of both volumes (ml)", "prediction minus reference (ml)", (dots,), finite)
