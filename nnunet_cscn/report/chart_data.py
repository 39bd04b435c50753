"""The data of each chart, for both the HTML report (Plotly) and the figures (matplotlib)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from nnunet_cscn.evaluation.folder import FolderScores
from nnunet_cscn.metrics.catalogue import Metric
from nnunet_cscn.report.chart_values import Box, dsc_by_volume, label_title, point_offsets, points_of, volumes_of
from nnunet_cscn.report.colours import label_colours

SHARE_RANGE = (-0.03, 1.03)  # slightly wider than 0 to 1, so that points at 0 and 1 are not cut off


@dataclass(frozen=True)
class LabelledPoints:
    """The points of one label, one for each case.

    Attributes:
        name: Name of the label in the legend.
        colour: Colour of the points.
        cases: The cases.
        x: Horizontal position of each point.
        y: Value of each point.
    """

    name: str
    colour: str
    cases: tuple[str, ...]
    x: tuple[float, ...]
    y: tuple[float, ...]


@dataclass(frozen=True)
class HorizontalLine:
    """A horizontal line in a chart, with its name and value as text."""

    value: float
    name: str
    is_dashed: bool

    @property
    def text(self) -> str:
        """The text next to the line."""
        return f"{self.name} {self.value:+.1f}"


@dataclass(frozen=True)
class Scatter:
    """A scatter plot of one or several labels.

    Attributes:
        x_title: Title of the horizontal axis, with unit.
        y_title: Title of the vertical axis.
        dots: The points of each label.
        lines: Horizontal lines.
    """

    x_title: str
    y_title: str
    dots: tuple[LabelledPoints, ...]
    lines: tuple[HorizontalLine, ...] = ()


@dataclass(frozen=True)
class BoxWithPoints:
    """Box plot and points of one label. ``place`` is the position on the horizontal axis."""

    place: int
    box: Box
    dots: LabelledPoints


@dataclass(frozen=True)
class Distribution:
    """The distribution of one metric.

    Attributes:
        metric: The metric.
        names: Names of the labels, in the order of their positions 0, 1, ...
        groups: Box plot and points of every label that has values.
    """

    metric: Metric
    names: tuple[str, ...]
    groups: tuple[BoxWithPoints, ...]

    @property
    def y_range(self) -> tuple[float, float] | None:
        """The range of the vertical axis. None for a range from 0 to the largest value."""
        return SHARE_RANGE if self.metric.better == "higher" else None


def distribution(scores: FolderScores, metric: Metric) -> Distribution:
    """Return the distribution of one metric, for each label."""
    groups = []
    for place, (label, colour) in enumerate(label_colours(scores.labels).items()):
        points = points_of(scores, label, metric)
        if points.cases:
            x = tuple(place + offset for offset in point_offsets(len(points.cases)))
            dots = LabelledPoints(label_title(label), colour, points.cases, x, points.values)
            groups.append(BoxWithPoints(place, Box.from_values(points.values), dots))
    return Distribution(metric, tuple(map(label_title, scores.labels)), tuple(groups))


def dsc_over_volume(scores: FolderScores) -> Scatter:
    """Return the DSC of each case over its reference volume. The volume axis is logarithmic."""
    dots = []
    for label, colour in label_colours(scores.labels).items():
        points, volumes_ml = dsc_by_volume(scores, label)
        dots.append(LabelledPoints(label_title(label), colour, points.cases, volumes_ml, points.values))
    return Scatter("reference volume (ml)", "DSC", tuple(dots))


def volume_differences(scores: FolderScores, label: str) -> Scatter:
    """Return the data of a Bland-Altman plot of predicted and reference volumes, with bias and limits of agreement."""
    cases, agreement = volumes_of(scores, label)
    colour = label_colours(scores.labels)[label]
    dots = LabelledPoints(label_title(label), colour, tuple(cases), agreement.means_ml, agreement.differences_ml)
    lines = (
        HorizontalLine(agreement.bias_ml, "bias", is_dashed=False),
        HorizontalLine(agreement.low_ml, "-1.96 SD", is_dashed=True),
        HorizontalLine(agreement.high_ml, "+1.96 SD", is_dashed=True),
    )
    finite = tuple(line for line in lines if math.isfinite(line.value))
    return Scatter("mean of both volumes (ml)", "prediction minus reference (ml)", (dots,), finite)
