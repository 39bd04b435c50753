"""Crop the region around the skull base from the label map of a real head, and add missing tissues."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nnunet_cscn.phantom.anatomy import tumour_origin
from nnunet_cscn.phantom.canvas import Canvas, new_canvas, paint
from nnunet_cscn.phantom.grid import Grid
from nnunet_cscn.phantom.heads import AIR, SKIN, SOFT_TISSUE, TISSUE_OF_LABEL, HeadFile, lowest_slice, read_labels
from nnunet_cscn.phantom.organs import FAT_PLANE_WIDTH, SOFT_ORGANS
from nnunet_cscn.phantom.pose import random_pose
from nnunet_cscn.phantom.scene import Scene
from nnunet_cscn.phantom.tissues import Tissue

_LARGEST_SHIFT_MM = (15.0, 20.0, 20.0)
_MAX_EXTENSION_MM = 6.0  # maximum extension of a head that is cut off at the bottom
_EYE_LABELS = (506, 508)


def cut_head(rng: np.random.Generator, head: HeadFile, grid: Grid) -> Scene:
    """Crop a scene from a head, with random rotation, scale, deformation and shift.

    The label maps contain only one soft tissue. The function adds fat below the skin and around the eyes, muscles with
    fat planes, the mucosa of the pharynx, glands and lymph nodes.

    Args:
        rng: Random number generator.
        head: The label map.
        grid: The field of view. If a head is cut off at the bottom, the field of view ends there too.

    Returns:
        The scene.
    """
    labels = read_labels(head.path)
    lowest = lowest_slice(labels)
    room_mm = head.nasopharynx[0] - lowest + _MAX_EXTENSION_MM
    pose = random_pose(rng, largest_shift_mm=_LARGEST_SHIFT_MM, largest_shift_z_mm=room_mm - grid.extent_mm[0] / 2)
    canvas = new_canvas(rng, grid, pose)
    z, y, x = head.nasopharynx
    places = [canvas.z + np.float32(z - lowest), canvas.y + np.float32(y), canvas.x + np.float32(x)]
    cut: NDArray[np.int16] = ndimage.map_coordinates(labels[lowest:], places, order=0, mode="nearest")
    for label in np.unique(cut[cut != AIR]):
        canvas.fill(cut == label, TISSUE_OF_LABEL.get(int(label), Tissue.GREY_MATTER))
    airway = (cut == AIR) & (np.abs(canvas.x) < 22) & (canvas.y > -25) & (canvas.y < 12) & (canvas.z < 10)
    canvas.fill(airway, Tissue.AIRWAY)
    _fill_soft_tissue(rng, canvas, cut, airway, grid.spacing_mm)
    return Scene(grid, canvas.structures, tuple(canvas.tissues), pose.to_image(tumour_origin(rng)))


def _fill_soft_tissue(
    rng: np.random.Generator,
    canvas: Canvas,
    cut: NDArray[np.int16],
    airway: NDArray[np.bool_],
    spacing_mm: tuple[float, float, float],
) -> None:
    """Draw fat, glands, lymph nodes and mucosa into the soft tissue."""
    soft = cut == SOFT_TISSUE
    canvas.fill(soft & (np.abs(canvas.planes) < FAT_PLANE_WIDTH), Tissue.FAT)
    paint(canvas, rng, SOFT_ORGANS, only=soft)
    below_skin = _within(cut == SKIN, float(rng.uniform(3, 9)), spacing_mm)
    around_eyes = _within(np.isin(cut, _EYE_LABELS), 9.0, spacing_mm)
    canvas.fill(soft & (below_skin | around_eyes), Tissue.FAT)
    canvas.fill(soft & _within(airway, float(rng.uniform(2.0, 4.0)), spacing_mm), Tissue.MUCOSA)


def _within(mask: NDArray[np.bool_], distance_mm: float, spacing_mm: tuple[float, float, float]) -> NDArray[np.bool_]:
    """Return the voxels within a distance of a mask. None of them if the mask is empty."""
    if not mask.any():
        return mask
    near: NDArray[np.bool_] = ndimage.distance_transform_edt(~mask, sampling=spacing_mm) <= distance_mm
    return near
