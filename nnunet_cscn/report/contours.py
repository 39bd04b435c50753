"""Draw one case in three views, with the contours of the reference and the prediction."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib.style
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from nnunet_cscn.evaluation.volumes import label_mask
from nnunet_cscn.files import replacing
from nnunet_cscn.formats.reading import SHOWN_IMAGES
from nnunet_cscn.report.chart_values import escape_dollars
from nnunet_cscn.report.colours import LABEL_COLOURS, PREDICTION_COLOUR, REFERENCE_COLOUR
from nnunet_cscn.report.oriented import (
    VIEWS,
    OrientedVolume,
    grey_range,
    largest_slices,
    read_oriented,
    view_axes,
    view_slice,
)

_LEGEND_COLUMNS = 15


@dataclass(frozen=True)
class Contour:
    """A mask to draw as a contour: name in the legend, colour, and mask (Z, Y, X) in standard orientation."""

    name: str
    colour: str
    mask: NDArray[np.bool_]


def draw_case(image_file: Path, reference_file: Path, prediction_file: Path, target: Path, *, title: str) -> None:
    """Write a PNG of the axial, coronal and sagittal slices with the largest area of the reference.

    Args:
        image_file: The image.
        reference_file: The reference segmentation on the same grid. All labels count as foreground.
        prediction_file: The predicted segmentation on the same grid.
        target: The PNG to write.
        title: Title of the picture.
    """
    grid = SHOWN_IMAGES.grid(image_file)
    reference, prediction = (read_oriented(file, grid=grid).voxels > 0 for file in (reference_file, prediction_file))
    contours = (
        Contour("truth", REFERENCE_COLOUR, reference),
        Contour("prediction", PREDICTION_COLOUR, prediction),
    )
    focus = reference if reference.any() else prediction
    _draw(read_oriented(image_file, grid=grid), contours, target, title=title, focus=focus)


def draw_labels(
    image_file: Path, labels_file: Path, target: Path, *, names: Mapping[str, Sequence[int]], title: str
) -> None:
    """Write a PNG of the three slices with the largest labelled area, with one contour for each label.

    Args:
        image_file: The image.
        labels_file: The label map on the same grid.
        target: The PNG to write.
        names: For each label or region, its values.
        title: Title of the picture.
    """
    grid = SHOWN_IMAGES.grid(image_file)
    labels = read_oriented(labels_file, grid=grid).voxels
    colours = itertools.cycle((REFERENCE_COLOUR, *LABEL_COLOURS))
    contours = [Contour(name, next(colours), label_mask(labels, values)) for name, values in names.items()]
    everything = np.logical_or.reduce([contour.mask for contour in contours])
    _draw(read_oriented(image_file, grid=grid), contours, target, title=title, focus=everything)


@matplotlib.style.context("default")  # nnU-Net's training changes the style of the process
def _draw(
    image: OrientedVolume, contours: Sequence[Contour], target: Path, *, title: str, focus: NDArray[np.bool_]
) -> None:
    """Draw three views of the slices with the largest area of ``focus``, each without and with contours.

    The views follow the radiological convention: the patient's right is on the left, the head is up.
    """
    middle = largest_slices(focus)
    legend = 0.34 + 0.12 * (math.ceil(len(contours) / _LEGEND_COLUMNS) - 1)  # inches
    height = 2.76 + legend
    figure = Figure(figsize=(13, height), facecolor="white")
    # a layout engine would take half of the time
    places = {"left": 0.005, "right": 0.995, "bottom": legend / height, "top": 1 - 0.53 / height, "wspace": 0.03}
    axes = figure.subplots(1, 6, gridspec_kw=places)
    low, high = grey_range(image.voxels)
    for normal, view in enumerate(VIEWS):
        shown = view_slice(image.voxels, normal, middle[normal])
        height_mm, width_mm = view_axes(image.spacing_mm, normal)
        for contoured in (False, True):
            axis = axes[2 * normal + contoured]
            axis.imshow(shown, cmap="gray", vmin=low, vmax=high, aspect=height_mm / width_mm)
            axis.autoscale(False)  # contours do not change the field of view
            axis.set_axis_off()
            if not contoured:
                axis.set_title(view, fontsize=10, loc="left")
                continue
            for contour in contours:
                cut = view_slice(contour.mask, normal, middle[normal])
                if cut.any():
                    axis.contour(*_framed(cut), levels=[0.5], colors=[contour.colour], linewidths=1.4)
    figure.suptitle(escape_dollars(title), fontsize=11, x=0.01, ha="left")
    n_columns = min(len(contours), _LEGEND_COLUMNS)
    figure.legend(
        handles=[Line2D([], [], color=contour.colour, label=escape_dollars(contour.name)) for contour in contours],
        loc="lower center",
        ncols=n_columns,
        fontsize=10 if len(contours) <= n_columns else 5,
        frameon=False,
    )
    with replacing(target) as temporary:
        figure.savefig(temporary, dpi=110, format="png")


def _framed(mask: NDArray[np.bool_]) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.bool_]]:
    """Return columns, rows and mask with a border of background, so that contours close at the image edge."""
    rows, columns = (np.arange(-1, edge + 1) for edge in mask.shape)
    return columns, rows, np.pad(mask, 1)
