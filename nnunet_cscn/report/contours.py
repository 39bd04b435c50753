"""A picture of one case: three views with the true and the predicted contour."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib.style
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from nnunet_cscn.files import replacing
from nnunet_cscn.nifti.grids import read_grid
from nnunet_cscn.report.colours import PREDICTION_COLOUR, REFERENCE_COLOUR
from nnunet_cscn.report.measured import literal
from nnunet_cscn.report.oriented import VIEWS, centre, plane, plane_axes, read_oriented


@matplotlib.style.context("default")  # nnU-Net changes the style of a process in which it has trained
def draw_case(image_file: Path, reference_file: Path, prediction_file: Path, target: Path, *, title: str) -> None:
    """Write a PNG of the axial, coronal and sagittal slice where most of the true tumour lies.

    Left of each pair the bare image, right of it the contours. Patients are shown as radiologists look at them: their
    right on the picture's left, head up.

    Args:
        image_file: The image.
        reference_file: The true segmentation on the same grid; all labels count as foreground.
        prediction_file: The predicted one on the same grid.
        target: The PNG to write.
        title: Text above the picture.
    """
    grid = read_grid(image_file)
    image = read_oriented(image_file, grid=grid)
    reference, prediction = (read_oriented(file, grid=grid).voxels > 0 for file in (reference_file, prediction_file))
    middle = centre(reference if reference.any() else prediction)
    figure = Figure(figsize=(13, 3.1), layout="constrained", facecolor="white")
    axes = figure.subplots(1, 6, width_ratios=[1] * 6)
    low, high = np.percentile(image.voxels, (0.5, 99.5))
    for normal, view in enumerate(VIEWS):
        slices = [plane(volume, normal, middle[normal]) for volume in (image.voxels, reference, prediction)]
        height_mm, width_mm = plane_axes(image.spacing_mm, normal)
        for contoured in (False, True):
            axis = axes[2 * normal + contoured]
            axis.imshow(slices[0], cmap="gray", vmin=low, vmax=high, aspect=height_mm / width_mm)
            axis.autoscale(False)  # the view stays the image's
            axis.set_axis_off()
            if not contoured:
                axis.set_title(view, fontsize=10, loc="left")
                continue
            for mask, colour in ((slices[1], REFERENCE_COLOUR), (slices[2], PREDICTION_COLOUR)):
                if mask.any():
                    axis.contour(*_framed(mask), levels=[0.5], colors=[colour], linewidths=1.4)
    figure.suptitle(literal(title), fontsize=11, x=0.01, ha="left")
    figure.legend(
        handles=[_line(REFERENCE_COLOUR, "truth"), _line(PREDICTION_COLOUR, "prediction")],
        loc="outside lower center",
        ncols=2,
        frameon=False,
    )
    with replacing(target) as temporary:
        figure.savefig(temporary, dpi=110, format="png")


def _framed(mask: NDArray[np.bool_]) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.bool_]]:
    """Return columns, rows and the mask with a frame of background, so that contours close at the image's edge."""
    rows, columns = (np.arange(-1, edge + 1) for edge in mask.shape)
    return columns, rows, np.pad(mask, 1)


def _line(colour: str, label: str) -> Any:
    from matplotlib.lines import Line2D

    return Line2D([], [], color=colour, label=label)
