"""Draw a head around the nasopharynx, with random shape and position."""

from __future__ import annotations

import numpy as np

from nnunet_cscn.phantom.canvas import Canvas, new_canvas, paint, randomised, union
from nnunet_cscn.phantom.grid import Grid
from nnunet_cscn.phantom.organs import (
    ENVELOPE,
    ENVELOPE_LAYERS,
    FAT_PLANE_WIDTH,
    FLESH_DEPTH_MM,
    ORGANS,
    SKULL,
    SKULL_LAYERS,
    Organ,
)  # fmt: skip
from nnunet_cscn.phantom.pose import Matrix, random_pose
from nnunet_cscn.phantom.scene import Scene
from nnunet_cscn.phantom.tissues import Tissue

_LARGEST_SHIFT_MM = (12.0, 15.0, 15.0)


def draw_head(rng: np.random.Generator, grid: Grid) -> Scene:
    """Draw a head on ``grid``. The nasopharynx is up to 1.5 cm away from the centre of the grid.

    Each head has a random size, rotation and smooth deformation. Each organ has a random size and position.

    Args:
        rng: Random number generator.
        grid: The field of view; it may be smaller than a head.

    Returns:
        The scene.
    """
    pose = random_pose(rng, largest_shift_mm=_LARGEST_SHIFT_MM)
    canvas = new_canvas(rng, grid, pose)
    envelope = _varied_parts(ENVELOPE, rng)
    for tissue, depth in ENVELOPE_LAYERS:
        canvas.fill(union(canvas, envelope, depth), tissue)
    flesh = union(canvas, envelope, FLESH_DEPTH_MM)
    canvas.fill(flesh & (np.abs(canvas.planes) > FAT_PLANE_WIDTH), Tissue.MUSCLE)
    _paint_skull(canvas, rng)
    paint(canvas, rng, ORGANS)
    return Scene(grid, canvas.structures, tuple(canvas.tissues), pose.to_image(tumour_origin(rng)))


def tumour_origin(rng: np.random.Generator) -> Matrix:
    """Sample the origin of a carcinoma: usually a fossa of Rosenmueller, sometimes the roof or the side of the pharynx.

    Returns:
        Position (x, y, z) in the coordinates of the head.
    """
    side = float(rng.choice((-1.0, 1.0)))
    place = rng.choice(3, p=(0.6, 0.2, 0.2))
    middle = ((13.0, -5.0, 2.0), (4.0, -4.0, 10.0), (20.0, -9.0, -4.0))[place]
    offset = rng.normal(0, 1, 3) * np.array((2.5, 2.5, 4.0))
    return np.asarray(np.array(middle) * np.array((side, 1.0, 1.0)) + offset, dtype=np.float64)


def _paint_skull(canvas: Canvas, rng: np.random.Generator) -> None:
    skull = _varied_parts(SKULL, rng)
    for tissue, depth in SKULL_LAYERS:
        canvas.fill(union(canvas, skull, depth), tissue)


def _varied_parts(organs: tuple[Organ, ...], rng: np.random.Generator) -> list[tuple[Organ, int]]:
    return [(randomised(organ, rng), side) for organ in organs for side in ((1, -1) if organ.is_paired else (1,))]
