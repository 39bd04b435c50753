"""A picture of one case: three views with the true and the predicted contour."""

from __future__ import annotations

import itertools
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
from nnunet_cscn.report.colours import LABEL_COLOURS, PREDICTION_COLOUR, REFERENCE_COLOUR
from nnunet_cscn.report.measured import literal
from nnunet_cscn.report.oriented import VIEWS, OrientedVolume, centre, grey_range, plane, plane_axes, read_oriented


@dataclass(frozen=True)
class Contour:
    """A mask that is drawn as a contour: its name in the legend, its colour, and the mask, (Z, Y, X), oriented."""

    name: str
    colour: str
    mask: NDArray[np.bool_]


def draw_case(image_file: Path, reference_file: Path, prediction_file: Path, target: Path, *, title: str) -> None:
    """Write a PNG of the axial, coronal and sagittal slice where most of the true tumour lies.

    Args:
        image_file: The image.
        reference_file: The true segmentation on the same grid; all labels count as foreground.
        prediction_file: The predicted one on the same grid.
        target: The PNG to write.
        title: Text above the picture.
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
    """Write a PNG of the same views, where most of all labels lies, with a contour for each.

    Args:
        image_file: The image.
        labels_file: The label map on the same grid.
        target: The PNG to write.
        names: Name and values of each label or region.
        title: Text above the picture.
    """
    grid = SHOWN_IMAGES.grid(image_file)
    labels = read_oriented(labels_file, grid=grid).voxels
    colours = itertools.cycle((REFERENCE_COLOUR, *LABEL_COLOURS))
    contours = [Contour(name, next(colours), label_mask(labels, values)) for name, values in names.items()]
    everything = np.logical_or.reduce([contour.mask for contour in contours])
    _draw(read_oriented(image_file, grid=grid), contours, target, title=title, focus=everything)


@matplotlib.style.context("default")  # nnU-Net changes the style of a process in which it has trained
def _draw(
    image: OrientedVolume, contours: Sequence[Contour], target: Path, *, title: str, focus: NDArray[np.bool_]
) -> None:
    """Draw three views through where most of the focus lies: left of each pair the bare image.

    Patients are shown as radiologists look at them: their right on the picture's left, head up.
    """
    middle = centre(focus)
    figure = Figure(figsize=(13, 3.1), layout="constrained", facecolor="white")
    axes = figure.subplots(1, 6, width_ratios=[1] * 6)
    low, high = grey_range(image.voxels)
    for normal, view in enumerate(VIEWS):
        shown = plane(image.voxels, normal, middle[normal])
        height_mm, width_mm = plane_axes(image.spacing_mm, normal)
        for contoured in (False, True):
            axis = axes[2 * normal + contoured]
            axis.imshow(shown, cmap="gray", vmin=low, vmax=high, aspect=height_mm / width_mm)
            axis.autoscale(False)  # the view stays the image's
            axis.set_axis_off()
            if not contoured:
                axis.set_title(view, fontsize=10, loc="left")
                continue
            for contour in contours:
                cut = plane(contour.mask, normal, middle[normal])
                if cut.any():
                    axis.contour(*_framed(cut), levels=[0.5], colors=[contour.colour], linewidths=1.4)
    figure.suptitle(literal(title), fontsize=11, x=0.01, ha="left")
    figure.legend(
        handles=[Line2D([], [], color=contour.colour, label=literal(contour.name)) for contour in contours],
        loc="outside lower center",
        ncols=len(contours),
        frameon=False,
    )
    with replacing(target) as temporary:
        figure.savefig(temporary, dpi=110, format="png")


def _framed(mask: NDArray[np.bool_]) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.bool_]]:
    """Return columns, rows and the mask with a frame of background, so that contours close at the image's edge."""
    rows, columns = (np.arange(-1, edge + 1) for edge in mask.shape)
    return columns, rows, np.pad(mask, 1)
