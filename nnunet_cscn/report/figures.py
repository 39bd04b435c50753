"""Write the charts of the report as figures for publications (PNG and SVG)."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import matplotlib.style
from matplotlib.figure import Figure

from nnunet_cscn.evaluation.folder import FolderScores
from nnunet_cscn.files import replacing
from nnunet_cscn.report.chart_data import (
    SHARE_RANGE,
    Distribution,
    Scatter,
    distribution,
    dsc_over_volume,
    volume_differences,
)
from nnunet_cscn.report.chart_values import charted_metrics, escape_dollars, label_title

DPI = 200
_COLUMNS = 4
_PANEL_INCHES = (2.6, 2.4)
_LABEL_INCHES = 0.3  # width that the box plot of a label and its name need
_LEGEND_INSIDE = 8  # a longer legend would cover the points, so it goes beside them
_LEGEND_ROWS = 15
_LEGEND_INCHES = 1.1


@matplotlib.style.context("default")  # nnU-Net changes the style of a process in which it has trained
def write_figures(scores: FolderScores, folder: Path) -> list[Path]:
    """Write the distributions of all metrics, DSC over volume, and Bland-Altman plots of the volumes.

    Args:
        scores: What ``score_folders`` gave.
        folder: Folder for the files. It is created if necessary.

    Returns:
        The written files, a PNG and an SVG of each figure.
    """
    figures: Mapping[str, Figure] = {
        "distributions": distribution_figure(scores),
        "dsc_by_volume": volume_dsc_figure(scores),
        "volumes_bland_altman": bland_altman_figure(scores),
    }
    return [file for name, figure in figures.items() for file in save_figure(figure, folder / name)]


def save_figure(figure: Figure, target: Path) -> list[Path]:
    """Write a figure as PNG and as SVG. An interrupted call leaves no incomplete file.

    Args:
        figure: The figure.
        target: Path of the files without file ending.
    """
    files = []
    for ending, options in ((".png", {"dpi": DPI}), (".svg", {"metadata": {"Date": None}})):
        file = target.with_name(target.name + ending)
        with replacing(file) as temporary:
            figure.savefig(temporary, format=ending[1:], **options)
        files.append(file)
    return files


def file_names(labels: Iterable[str]) -> dict[str, str]:
    """Return a unique part of a file name for each label.

    Example:
        >>> file_names(["GTV p/n", "GTV_p_n", "1"])
        {'GTV p/n': 'GTV_p_n', 'GTV_p_n': 'GTV_p_n_2', '1': '1'}
    """
    names: dict[str, str] = {}
    for label in labels:
        if label not in names:
            plain = re.sub(r"[^\w.-]+", "_", label)
            candidates = (plain if number == 1 else f"{plain}_{number}" for number in itertools.count(1))
            names[label] = next(candidate for candidate in candidates if candidate not in names.values())
    return names


def distribution_figure(scores: FolderScores) -> Figure:
    """Draw a box plot with points of every metric, for each label."""
    shown = charted_metrics(scores.metrics)
    least_width, height = _PANEL_INCHES
    width = max(least_width, _LABEL_INCHES * len(scores.labels))
    n_columns = max(1, min(len(shown), int(_COLUMNS * least_width / width)))
    n_rows = math.ceil(len(shown) / n_columns)
    figure = Figure(figsize=(width * n_columns, height * n_rows), layout="constrained")
    panels = list(figure.subplots(n_rows, n_columns, squeeze=False).flat)
    for panel, metric in zip(panels, shown, strict=False):
        _draw_distribution(panel, distribution(scores, metric))
    for panel in panels[len(shown) :]:
        panel.set_axis_off()
    return figure


def volume_dsc_figure(scores: FolderScores) -> Figure:
    """Draw a scatter plot of the DSC of each case over its reference volume (logarithmic axis)."""
    n_legend_columns = math.ceil(len(scores.labels) / _LEGEND_ROWS) if len(scores.labels) > _LEGEND_INSIDE else 0
    figure = Figure(figsize=(4.2 + _LEGEND_INCHES * n_legend_columns, 3.4), layout="constrained")
    panel = figure.subplots()
    _draw_scatter(panel, dsc_over_volume(scores))
    panel.set(xscale="log", ylim=SHARE_RANGE)
    if n_legend_columns:
        figure.legend(loc="outside right center", ncols=n_legend_columns, frameon=False, fontsize=7)
    elif len(scores.labels) > 1:
        panel.legend(frameon=False)
    _plain(panel)
    return figure


def bland_altman_figure(scores: FolderScores) -> Figure:
    """Draw a Bland-Altman plot of predicted and reference volumes, one panel for each label."""
    n_columns = max(1, min(_COLUMNS, len(scores.labels)))
    n_rows = max(1, math.ceil(len(scores.labels) / n_columns))
    figure = Figure(figsize=(4.2 * n_columns, 3.4 * n_rows), layout="constrained")
    panels = list(figure.subplots(n_rows, n_columns, squeeze=False).flat)
    for panel, label in zip(panels, scores.labels, strict=False):
        _draw_scatter(panel, volume_differences(scores, label))
        panel.set_title(escape_dollars(label_title(label)))
        _plain(panel)
    for panel in panels[len(scores.labels) :]:
        panel.set_axis_off()
    return figure


def _draw_distribution(panel: Any, shown: Distribution) -> None:
    for group in shown.groups:
        box, dots = group.box, group.dots
        drawn = {"whislo": box.low, "q1": box.q25, "med": box.median, "q3": box.q75, "whishi": box.high}
        panel.bxp([drawn], positions=[group.place], widths=0.5, showfliers=False)
        panel.scatter(dots.x, dots.y, s=12, color=dots.colour, alpha=0.75, linewidths=0, zorder=3)
    names = [escape_dollars(name) for name in shown.names]
    panel.set_xticks(range(len(names)), names, rotation=0 if len(names) < 4 else 45 if len(names) < 12 else 90)
    panel.set_title(shown.metric.heading, fontsize=10)
    if shown.y_range is not None:
        panel.set_ylim(*shown.y_range)
    else:
        panel.set_ylim(bottom=0)
    _plain(panel)


def _draw_scatter(panel: Any, shown: Scatter) -> None:
    for dots in shown.dots:
        drawn = panel.scatter(dots.x, dots.y, s=22, color=dots.colour, alpha=0.8, linewidths=0)
        drawn.set_label("\u200b" + escape_dollars(dots.name))  # matplotlib hides names that start with _
    for line in shown.lines:
        panel.axhline(line.value, color="#5b6673", linewidth=1, linestyle="dashed" if line.is_dashed else "solid")
        at = {"xy": (1, line.value), "xycoords": ("axes fraction", "data")}
        panel.annotate(line.text, **at, fontsize=8, ha="right", va="bottom")
    panel.set(xlabel=shown.x_title, ylabel=shown.y_title)


def _plain(panel: Any) -> None:
    panel.spines[["top", "right"]].set_visible(False)
    panel.tick_params(labelsize=8, which="both")
