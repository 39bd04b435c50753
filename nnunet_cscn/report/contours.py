"""A picture of one case: three views with the true and the predicted contour."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib.style
import numpy as np
import SimpleITK as sitk
from matplotlib.figure import Figure
from numpy.typing import NDArray

from nnunet_cscn.files import replacing

REFERENCE_COLOUR = "#2fbf71"
PREDICTION_COLOUR = "#ff5a5f"
VIEWS = ("axial", "coronal", "sagittal")


@matplotlib.style.context("default")  # nnU-Net changes the style of a process in which it has trained
def draw_case(image_file: Path, reference_file: Path, prediction_file: Path, target: Path, *, title: str) -> None:
    """Write a PNG of the axial, coronal and sagittal slice through the middle of the true tumour.

    Left of each pair the bare image, right of it the contours. Patients are shown as radiologists look at them: their
    right on the picture's left, head up.

    Args:
        image_file: The image.
        reference_file: The true segmentation on the same grid; all labels count as foreground.
        prediction_file: The predicted one on the same grid.
        target: The PNG to write.
        title: Text above the picture.
    """
    image, spacing_mm = _read(image_file)
    reference, prediction = (_read(file)[0] > 0 for file in (reference_file, prediction_file))
    centre = _centre(reference if reference.any() else prediction)
    figure = Figure(figsize=(13, 3.1), layout="constrained", facecolor="white")
    axes = figure.subplots(1, 6, width_ratios=[1] * 6)
    low, high = np.percentile(image, (0.5, 99.5))
    for normal, view in enumerate(VIEWS):
        slices = [_slice(volume, normal, centre[normal]) for volume in (image, reference, prediction)]
        height_mm, width_mm = (spacing_mm[axis] for axis in range(3) if axis != normal)
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
    figure.suptitle(title, fontsize=11, x=0.01, ha="left")
    figure.legend(
        handles=[_line(REFERENCE_COLOUR, "truth"), _line(PREDICTION_COLOUR, "prediction")],
        loc="outside lower center",
        ncols=2,
        frameon=False,
    )
    with replacing(target) as temporary:
        figure.savefig(temporary, dpi=110, format="png")


def _read(file: Path) -> tuple[NDArray[Any], tuple[float, ...]]:
    """Return voxels and spacing along (Z, Y, X), turned to the standard orientation."""
    image = sitk.DICOMOrient(sitk.ReadImage(str(file)), "LPS")
    return sitk.GetArrayFromImage(image), tuple(reversed(image.GetSpacing()))


def _centre(mask: NDArray[np.bool_]) -> tuple[int, ...]:
    if not mask.any():
        return tuple(edge // 2 for edge in mask.shape)
    return tuple(int(np.median(indices)) for indices in np.nonzero(mask))


def _slice(volume: NDArray[Any], normal: int, index: int) -> NDArray[Any]:
    """Return a slice with rows from top to bottom; in the coronal and sagittal view z points up."""
    plane: NDArray[Any] = np.take(volume, index, axis=normal)
    return plane if normal == 0 else plane[::-1]


def _framed(mask: NDArray[np.bool_]) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.bool_]]:
    """Return columns, rows and the mask with a frame of background, so that contours close at the image's edge."""
    rows, columns = (np.arange(-1, edge + 1) for edge in mask.shape)
    return columns, rows, np.pad(mask, 1)


def _line(colour: str, label: str) -> Any:
    from matplotlib.lines import Line2D

    return Line2D([], [], color=colour, label=label)
