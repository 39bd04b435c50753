"""The report's charts as figures for papers, PNG and SVG."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.style
from matplotlib.figure import Figure

from nnunet_cscn.evaluation.folder import FolderScores
from nnunet_cscn.files import replacing
from nnunet_cscn.report.colours import label_colours
from nnunet_cscn.report.measured import (
    Box,
    beside,
    charted_metrics,
    dsc_by_volume,
    literal,
    points_of,
    shown_label,
    volumes_of,
)

DPI = 200
_COLUMNS = 4
_PANEL_INCHES = (2.6, 2.4)


@matplotlib.style.context("default")  # nnU-Net changes the style of a process in which it has trained
def write_figures(scores: FolderScores, folder: Path) -> list[Path]:
    """Write the distributions, DSC over volume, and the agreement of volumes.

    Args:
        scores: What ``evaluate_folders`` gave.
        folder: Where the files go; it is made.

    Returns:
        The files, a PNG and an SVG of each figure.
    """
    figures: Mapping[str, Figure] = {
        "distributions": distribution_figure(scores),
        "dsc_by_volume": volume_dsc_figure(scores),
        "volumes_bland_altman": bland_altman_figure(scores),
    }
    return [file for name, figure in figures.items() for file in save_figure(figure, folder / name)]


def save_figure(figure: Figure, target: Path) -> list[Path]:
    """Write a figure as PNG and as SVG, each whole or not at all.

    Args:
        figure: The figure.
        target: The files' name without an ending.
    """
    files = []
    for ending, options in ((".png", {"dpi": DPI}), (".svg", {"metadata": {"Date": None}})):
        file = target.with_name(target.name + ending)
        with replacing(file) as temporary:
            figure.savefig(temporary, format=ending[1:], **options)
        files.append(file)
    return files


def file_names(labels: Iterable[str]) -> dict[str, str]:
    """Return for each label what stands for it in names of files; no two are the same.

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
    """Draw box and points of every metric, for each label."""
    shown = charted_metrics(scores.metrics)
    n_columns = min(_COLUMNS, len(shown))
    n_rows = math.ceil(len(shown) / n_columns)
    width, height = _PANEL_INCHES
    figure = Figure(figsize=(width * n_columns, height * n_rows), layout="constrained")
    panels = list(figure.subplots(n_rows, n_columns, squeeze=False).flat)
    for panel, metric in zip(panels, shown, strict=False):
        for place, (label, colour) in enumerate(label_colours(scores.labels).items()):
            values = points_of(scores, label, metric).values
            if values:
                panel.bxp([_box(values)], positions=[place], widths=0.5, showfliers=False)
                x = [place + offset for offset in beside(len(values))]
                panel.scatter(x, values, s=12, color=colour, alpha=0.75, linewidths=0, zorder=3)
        names = [literal(shown_label(label)) for label in scores.labels]
        panel.set_xticks(range(len(names)), names, rotation=0 if len(names) < 4 else 45)
        panel.set_title(metric.heading, fontsize=10)
        if metric.better == "higher":
            panel.set_ylim(-0.03, 1.03)
        else:
            panel.set_ylim(bottom=0)
        _plain(panel)
    for panel in panels[len(shown) :]:
        panel.set_axis_off()
    return figure


def volume_dsc_figure(scores: FolderScores) -> Figure:
    """Draw the DSC of each case over the volume of its reference, on a logarithmic axis."""
    figure = Figure(figsize=(4.2, 3.4), layout="constrained")
    panel = figure.subplots()
    for label, colour in label_colours(scores.labels).items():
        points, volumes_ml = dsc_by_volume(scores, label)
        dots = panel.scatter(volumes_ml, points.values, s=22, color=colour, alpha=0.8, linewidths=0)
        dots.set_label("\u200b" + literal(shown_label(label)))  # a name that starts with _ would not be shown
    panel.set(xscale="log", xlabel="reference volume (ml)", ylabel="DSC", ylim=(-0.03, 1.03))
    if len(scores.labels) > 1:
        panel.legend(frameon=False)
    _plain(panel)
    return figure


def bland_altman_figure(scores: FolderScores) -> Figure:
    """Draw the differences of predicted and true volumes over their means, one panel for each label."""
    colours = label_colours(scores.labels)
    figure = Figure(figsize=(4.2 * max(1, len(colours)), 3.4), layout="constrained")
    panels = figure.subplots(1, max(1, len(colours)), squeeze=False)[0]
    for panel, (label, colour) in zip(panels, colours.items(), strict=False):
        _, agreement = volumes_of(scores, label)
        panel.scatter(agreement.means_ml, agreement.differences_ml, s=22, color=colour, alpha=0.8, linewidths=0)
        lines = ((agreement.bias_ml, "bias", "-"), (agreement.low_ml, "-1.96 SD", "--"))
        for value, name, style in (*lines, (agreement.high_ml, "+1.96 SD", "--")):
            if math.isfinite(value):
                panel.axhline(value, color="#5b6673", linewidth=1, linestyle=style)
                at = {"xy": (1, value), "xycoords": ("axes fraction", "data")}
                panel.annotate(f"{name} {value:+.1f}", **at, fontsize=8, ha="right", va="bottom")
        panel.set_title(literal(shown_label(label)))
        panel.set(xlabel="mean of both volumes (ml)", ylabel="prediction minus reference (ml)")
        _plain(panel)
    return figure


def _box(values: Sequence[float]) -> dict[str, float]:
    box = Box.of(values)
    return {"whislo": box.low, "q1": box.q25, "med": box.median, "q3": box.q75, "whishi": box.high}


def _plain(panel: Any) -> None:
    panel.spines[["top", "right"]].set_visible(False)
    panel.tick_params(labelsize=8, which="both")
