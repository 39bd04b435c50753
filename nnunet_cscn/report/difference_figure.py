"""A figure of the differences of all pairs of methods, with confidence intervals."""

from __future__ import annotations

import matplotlib.style
from matplotlib.figure import Figure

from nnunet_cscn.evaluation.comparison import MetricComparison
from nnunet_cscn.report.chart_values import escape_dollars, label_title
from nnunet_cscn.report.colours import LABEL_COLOURS
from nnunet_cscn.texts import counted


@matplotlib.style.context("default")  # nnU-Net changes the style of a process in which it has trained
def difference_figure(comparison: MetricComparison) -> Figure:
    """Draw the mean difference of each pair of methods with its 95 % bootstrap interval.

    Args:
        comparison: The comparison of two or more methods for one label and metric.
    """
    metric, pairs = comparison.metric, comparison.pairs
    names = [escape_dollars(f"{pair.first} - {pair.second}") for pair in pairs]
    width = 4.4 + 0.085 * max(map(len, names), default=0)
    figure = Figure(figsize=(width, 0.34 * len(pairs) + 1.3), layout="constrained")
    panel = figure.subplots()
    panel.axvline(0, color="#9aa4b1", linewidth=1)
    for row, pair in enumerate(pairs):
        found = pair.paired
        panel.plot((found.low, found.high), (row, row), color=LABEL_COLOURS[0], linewidth=1.8)
        panel.plot(found.difference, row, "o", color=LABEL_COLOURS[0], markersize=5)
    panel.set_yticks(range(len(names)), names, fontsize=9)
    panel.set_ylim(len(pairs) - 0.4, -0.6)
    side = "right" if metric.better == "higher" else "left"
    panel.set_xlabel(f"difference in {metric.heading}; {side} of the line the first is better", fontsize=9)
    label = escape_dollars(label_title(comparison.label))
    title = f"{label}: {metric.heading}, {counted(len(comparison.cases), 'case')}, 95 % intervals"
    panel.set_title(title, fontsize=10, loc="left")
    panel.spines[["top", "right", "left"]].set_visible(False)
    panel.tick_params(axis="y", length=0)
    return figure
