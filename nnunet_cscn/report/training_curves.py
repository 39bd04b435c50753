"""Draw the curves of several trainings into one picture."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from nnunet_cscn.files import replacing
from nnunet_cscn.protocol.epochs import Row
from nnunet_cscn.report.colours import label_colours
from nnunet_cscn.report.figures import DPI

PICTURES = (".png", ".svg", ".pdf")

_WIDTH = 11.0  # inches
_LEGEND_ROW = 0.22  # inches
_LONGEST_OF_TWO = 55  # characters of a name, with which two names stand side by side


@matplotlib.style.context("default")
def draw_training_curves(runs: Mapping[str, Sequence[Row]], file: Path) -> None:
    """Draw DSC, losses and learning rate over the epochs, a colour for each run.

    Args:
        runs: The epochs of each run, by its name.
        file: The picture, ``*.png``, ``*.svg`` or ``*.pdf``; whole or not at all.
    """
    has_parts = any("training_loss_coarse" in row for rows in runs.values() for row in rows)
    n_columns = 2 if max(map(len, runs), default=0) <= _LONGEST_OF_TWO else 1
    height = (7.2 if has_parts else 3.3) + _LEGEND_ROW * math.ceil(len(runs) / n_columns)
    figure = Figure(figsize=(_WIDTH, height), layout="constrained")
    panels = figure.subplots(2 if has_parts else 1, 2 if has_parts else 3).flatten()
    _draw(panels[0], runs, "DSC of patches, moving average", {"dsc_moving_average": "-"})
    losses = {"training_loss": "-", "validation_loss": ":"}
    _draw(panels[1], runs, "loss (dotted: validation)", losses)
    if has_parts:
        parts = {"training_loss_coarse": "-", "training_loss_fine": "--"}
        _draw(panels[2], runs, "training loss of the coarse network (dashed: fine)", parts)
    _draw(panels[-1], runs, "learning rate", {"learning_rate": "-"})
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=n_columns, frameon=False)
    with replacing(file) as temporary:
        figure.savefig(temporary, format=file.suffix[1:], dpi=DPI)


def _draw(panel: Axes, runs: Mapping[str, Sequence[Row]], heading: str, columns: Mapping[str, str]) -> None:
    for name, colour in label_colours(list(runs)).items():
        epochs = _column(runs[name], "epoch") + 1
        for number, (column, style) in enumerate(columns.items()):
            label = name if number == 0 else None
            marker = "." if len(epochs) == 1 else None  # a line of one point cannot be seen
            values = _column(runs[name], column)
            panel.plot(epochs, values, style, color=colour, linewidth=1.3, marker=marker, label=label)
    panel.set_title(heading, fontsize=10, loc="left")
    panel.set_xlabel("epoch")
    panel.spines[["top", "right"]].set_visible(False)


def _column(rows: Sequence[Row], name: str) -> NDArray[np.float64]:
    return np.array([row.get(name, np.nan) for row in rows], dtype=np.float64)
