"""Figures 7 and 8: the segmentations of all methods, as contours in slices and as surfaces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.style
import numpy as np
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d.art3d import Poly3DCollection

from nnunet_cscn.errors import ArgumentError
from nnunet_cscn.metrics.masks import Mask, bounding_box
from nnunet_cscn.paper.shown_cases import ShownCase
from nnunet_cscn.report.chart_values import escape_dollars
from nnunet_cscn.report.colours import PREDICTION_COLOUR, REFERENCE_COLOUR
from nnunet_cscn.report.figures import save_figure
from nnunet_cscn.report.oriented import grey_range, largest_slices, view_axes, view_slice
from nnunet_cscn.report.surfaces import Surface, simplified_surface, surface_of

MARGIN_MM = 30.0  # margin around the tumour
MAX_CORNERS = 2500  # per surface; matplotlib draws each triangle separately
_AXIAL = 0

# The viewing directions, in the radiological convention: elevation and azimuth in degrees.
_DIRECTIONS: Mapping[str, tuple[float, float]] = {
    "coronal (from the front)": (0, -90),
    "sagittal (from the left)": (0, 0),
    "axial (from the feet)": (-90, -90),
}


@matplotlib.style.context("default")
def write_slices_figure(cases: Sequence[ShownCase], methods: Sequence[str], folder: Path) -> list[Path]:
    """Draw Figure 7: one row for each case, with the image, the reference and each method.

    Args:
        cases: The cases.
        methods: The methods in the order of the columns. A method without a result has an empty panel.
        folder: Folder for the figure.
    """
    columns = ["image", "truth", *methods]
    figure = Figure(figsize=(1.6 * len(columns), 1.75 * len(cases)), layout="constrained", facecolor="white")
    panels = figure.subplots(len(cases), len(columns), squeeze=False)
    for row, case in zip(panels, cases, strict=True):
        for panel, column in zip(row, columns, strict=True):
            _draw_slice(panel, case, column)
    for panel, column in zip(panels[0], columns, strict=True):
        panel.set_title(escape_dollars(column), fontsize=10)
    for row, case in zip(panels, cases, strict=True):
        row[0].set_ylabel(escape_dollars(case.name), fontsize=7)
    return save_figure(figure, folder / "figure_7_slices")


@matplotlib.style.context("default")
def write_surfaces_figure(case: ShownCase, methods: Sequence[str], folder: Path) -> list[Path]:
    """Draw Figure 8: one row for each viewing direction, with the surfaces of the reference and of each method.

    Args:
        case: The case.
        methods: As in ``write_slices_figure``.
        folder: Folder for the figure.
    """
    masks = {"truth": case.truth, **{method: case.found.get(method) for method in methods}}
    surfaces = {name: _surface(mask, case.image.spacing_mm) for name, mask in masks.items()}
    points = [surface.points_mm for surface in surfaces.values() if surface is not None]
    if not points:
        raise ArgumentError(
            "cases",
            f"{case.name} has no voxels of this label in the reference or a prediction; choose other cases",
        )
    figure = Figure(figsize=(1.7 * len(masks), 1.8 * len(_DIRECTIONS)), layout="constrained", facecolor="white")
    panels = figure.subplots(len(_DIRECTIONS), len(masks), squeeze=False, subplot_kw={"projection": "3d"})
    for row, (direction, (elevation, azimuth)) in zip(panels, _DIRECTIONS.items(), strict=True):
        for panel, (name, surface) in zip(row, surfaces.items(), strict=True):
            _draw_surface(panel, surface, np.concatenate(points), is_truth=name == "truth")
            if surface is None:
                said = "no result" if masks[name] is None else "nothing found"
                panel.text2D(0.5, 0.5, said, ha="center", va="center", transform=panel.transAxes, fontsize=8)
            panel.view_init(elev=elevation, azim=azimuth)
        place = {"transform": row[0].transAxes, "rotation": 90, "va": "center", "ha": "right"}
        row[0].text2D(-0.05, 0.5, direction, fontsize=7, **place)
    for panel, name in zip(panels[0], surfaces, strict=True):
        panel.set_title(escape_dollars(name), fontsize=10)
    figure.suptitle(escape_dollars(case.name), fontsize=9, x=0.01, ha="left")
    return save_figure(figure, folder / "figure_8_surfaces")


def _draw_slice(panel: Any, case: ShownCase, column: str) -> None:
    panel.set_xticks([])
    panel.set_yticks([])
    panel.spines[:].set_visible(False)
    level = largest_slices(case.truth)[_AXIAL]
    window = _window(case)
    shown = view_slice(case.image.voxels, _AXIAL, level)[window]
    height_mm, width_mm = view_axes(case.image.spacing_mm, _AXIAL)
    if column not in ("image", "truth") and column not in case.found:
        panel.set_box_aspect(shown.shape[0] * height_mm / (shown.shape[1] * width_mm))
        panel.text(0.5, 0.5, "no result", ha="center", va="center", transform=panel.transAxes, fontsize=8)
        return
    low, high = grey_range(case.image.voxels)
    panel.imshow(shown, cmap="gray", vmin=low, vmax=high, aspect=height_mm / width_mm)
    if column == "image":
        return
    panel.autoscale(False)
    contours = [(case.truth, REFERENCE_COLOUR, 0.9)]
    if column != "truth":
        contours.append((case.found[column], PREDICTION_COLOUR, 1.4))
    for mask, colour, width in contours:
        cut = view_slice(mask, _AXIAL, level)[window]
        if cut.any():
            panel.contour(
                np.pad(cut, 1), levels=[0.5], colors=[colour], linewidths=width, extent=_image_extent(cut.shape)
            )


def _window(case: ShownCase) -> tuple[slice, slice]:
    """Return the region of the axial slices around the tumour."""
    box = bounding_box(case.truth) or tuple(slice(0, edge) for edge in case.truth.shape)
    parts = []
    for axis in (1, 2):
        margin = round(MARGIN_MM / case.image.spacing_mm[axis])
        parts.append(slice(max(box[axis].start - margin, 0), box[axis].stop + margin))
    return parts[0], parts[1]


def _image_extent(shape: Sequence[int]) -> tuple[float, float, float, float]:
    """Return the extent of a padded slice in the coordinates of the slice, for matplotlib."""
    rows, columns = shape
    return -1.0, float(columns), -1.0, float(rows)


def _surface(mask: Mask | None, spacing_mm: Sequence[float]) -> Surface | None:
    surface = None if mask is None else surface_of(mask, spacing_mm)
    return (
        None
        if mask is None or surface is None
        else simplified_surface(surface, mask, spacing_mm, max_corners=MAX_CORNERS)
    )


def _draw_surface(panel: Any, surface: Surface | None, everything: Any, *, is_truth: bool) -> None:
    low, high = everything.min(axis=0), everything.max(axis=0)
    reach = float((high - low).max()) / 2
    for set_limits, middle in zip((panel.set_zlim, panel.set_ylim, panel.set_xlim), (low + high) / 2, strict=True):
        set_limits(middle - reach, middle + reach)
    panel.set_proj_type("ortho")
    panel.set_box_aspect((1, 1, 1), zoom=1.35)
    panel.set_axis_off()
    if surface is None:
        return
    corners = surface.points_mm[surface.triangles][..., ::-1]  # z, y, x to x, y, z
    colour = REFERENCE_COLOUR if is_truth else PREDICTION_COLOUR
    triangles = Poly3DCollection(corners, facecolors=colour, edgecolors=colour, linewidths=0, shade=True)
    triangles.set_rasterized(True)  # thousands of vector triangles would make a very large SVG
    panel.add_collection3d(triangles)
