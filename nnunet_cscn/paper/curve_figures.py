"""Figures 4 to 6: accuracy, loss and learning rate of each iteration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib.style
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from nnunet_cscn.errors import UserError
from nnunet_cscn.paper.runs import PaperRun, by_method
from nnunet_cscn.protocol.curves import TRAINING_FILE, VALIDATION_FILE, read_curve
from nnunet_cscn.report.colours import label_colours
from nnunet_cscn.report.figures import save_figure

SMOOTHED_SHARE = 100  # moving average over 1/100 of the iterations

_FIGURES = (
    ("figure_4_accuracy", "accuracy (share of voxels)", 1, True),
    ("figure_5_loss", "focal loss with distance weight", 2, True),
    ("figure_6_learning_rate", "learning rate", 3, False),
)


@matplotlib.style.context("default")
def write_curve_figures(runs: Sequence[PaperRun], folder: Path) -> list[Path]:
    """Draw the curves of all methods. A curve is the mean over the trained splits.

    Args:
        runs: The runs. Runs without a curve are ignored.
        folder: Folder for the figures.

    Returns:
        The written files.

    Raises:
        UserError: When no run has a curve.
    """
    training = _curves(runs, TRAINING_FILE)
    validation = _curves(runs, VALIDATION_FILE)
    if not training:
        raise UserError("no run has finished an epoch yet: start the runs with `cscn paper run` first")
    files = []
    for name, heading, column, is_noisy in _FIGURES:
        figure = _figure(training, validation if is_noisy else {}, column, heading)
        files += save_figure(figure, folder / name)
    return files


def smoothed(values: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """Return the moving average over the last ``window`` values. nan values are ignored.

    Example:
        >>> smoothed(np.array([1.0, 3.0, 5.0, 7.0]), 2).tolist()
        [1.0, 2.0, 4.0, 6.0]
    """
    is_number = np.isfinite(values)
    sums = np.concatenate([[0.0], np.cumsum(np.where(is_number, values, 0.0))])
    counts = np.concatenate([[0], np.cumsum(is_number)])
    last = np.arange(1, len(values) + 1)
    first = np.maximum(last - window, 0)
    n = counts[last] - counts[first]
    means: NDArray[np.float64] = np.divide(sums[last] - sums[first], n, out=np.full(len(values), np.nan), where=n > 0)
    return means


def _curves(runs: Sequence[PaperRun], file: str) -> Mapping[str, NDArray[np.float64]]:
    """Return the mean curve of each method, (iterations, 4), over the splits that reached the iteration."""
    found = {}
    for method, of_method in by_method(runs).items():
        files = [run.training.folder / file for run in of_method]
        curves = [np.array(read_curve(each)) for each in files if each.is_file()]
        if curves := [curve for curve in curves if len(curve)]:
            longest = max(map(len, curves))
            found[method] = np.mean([curve for curve in curves if len(curve) == longest], axis=0)
    return found


def _figure(
    training: Mapping[str, NDArray[np.float64]],
    validation: Mapping[str, NDArray[np.float64]],
    column: int,
    heading: str,
) -> Figure:
    figure = Figure(figsize=(6.4, 3.8), layout="constrained")
    panel = figure.subplots()
    for method, colour in label_colours(list(training)).items():
        curve = training[method]
        window = max(1, len(curve) // SMOOTHED_SHARE) if validation else 1
        panel.plot(curve[:, 0] + 1, smoothed(curve[:, column], window), color=colour, linewidth=1.2, label=method)
        if method in validation:
            dots = validation[method]
            panel.plot(dots[:, 0] + 1, dots[:, column], "o--", color=colour, markersize=3, linewidth=0.6, alpha=0.7)
    panel.set(xlabel="iteration", ylabel=heading)
    if column > 1:
        panel.set_yscale("log")
    panel.spines[["top", "right"]].set_visible(False)
    panel.legend(frameon=False, fontsize=8, ncols=2)
    if validation:
        panel.set_title("lines: training; dots: validation", fontsize=9, loc="left")
    return figure
