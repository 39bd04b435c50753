"""Paint organs into a head."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nnunet_cscn.phantom.fields import smooth_field
from nnunet_cscn.phantom.grid import Grid
from nnunet_cscn.phantom.organs import Organ
from nnunet_cscn.phantom.pose import Floats, Pose, rotation
from nnunet_cscn.phantom.tissues import Tissue

Box = tuple[slice, ...]

_STEP = 2.0**20


@dataclass(frozen=True)
class Canvas:
    """The coordinates of the head at each voxel, and the structures painted so far.

    Attributes:
        x: Coordinate to the patient's left at each voxel, in mm from the nasopharynx, (Z, Y, X). ``y`` points to the
            back and ``z`` to the top.
        y: See ``x``.
        z: See ``x``.
        patches: A fine random field, for organs with holes.
        planes: A coarser random field, similar left and right. Its zero crossings are the fat planes between muscles.
        structures: Number of the structure at each voxel, (Z, Y, X).
        tissues: Tissue of each structure.
    """

    x: Floats
    y: Floats
    z: Floats
    patches: Floats
    planes: Floats
    structures: NDArray[np.int16]
    tissues: list[Tissue]

    def new_structure(self, tissue: Tissue) -> int:
        """Add a structure and return its number."""
        self.tissues.append(tissue)
        return len(self.tissues) - 1

    def fill(self, where: NDArray[np.bool_], tissue: Tissue) -> None:
        """Fill all voxels of ``where`` with one new structure of ``tissue``."""
        self.structures[where] = self.new_structure(tissue)


def new_canvas(rng: np.random.Generator, grid: Grid, pose: Pose) -> Canvas:
    """Make an empty canvas that contains only air."""
    x, y, z = pose.coordinates(rng, grid)
    patches = smooth_field(rng, grid, length_mm=2.6)
    planes = smooth_field(rng, grid, length_mm=7.0)
    middle = (grid.shape[2] - 1) / 2 + pose.shift_mm[2] / grid.spacing_mm[2]
    mirrored = np.clip(np.rint(2 * middle - np.arange(grid.shape[2])), 0, grid.shape[2] - 1).astype(int)
    planes = np.float32(0.8) * planes + np.float32(0.6) * planes[:, :, mirrored]
    return Canvas(x, y, z, patches, planes, np.zeros(grid.shape, np.int16), [Tissue.AIR])


def paint(
    canvas: Canvas, rng: np.random.Generator, organs: tuple[Organ, ...], *, only: NDArray[np.bool_] | None = None
) -> None:
    """Paint organs and their layers in the given order, each with a random size and position.

    Args:
        canvas: The canvas. It is changed.
        rng: Random number generator.
        organs: The organs to paint.
        only: Voxels where painting is allowed, (Z, Y, X). None for everywhere.
    """
    for organ in organs:
        for side in (1, -1) if organ.is_paired else (1,):
            varied = randomised(organ, rng)
            for tissue, depth in ((varied.tissue, 0.0), *varied.layers):
                if depth >= 0.95 * min(varied.radii_mm):
                    continue
                number = canvas.new_structure(tissue)
                box, inside = _inside(canvas, varied, side, depth)
                if varied.patchiness:
                    inside &= canvas.patches[box] > 0.6 - varied.patchiness
                if only is not None:
                    inside &= only[box]
                canvas.structures[box][inside] = number


def union(canvas: Canvas, parts: list[tuple[Organ, int]], depth_mm: float) -> NDArray[np.bool_]:
    """Return the voxels of all bodies (with their sides) that are ``depth_mm`` or more below the surface, (Z, Y, X)."""
    mask = np.zeros(canvas.structures.shape, bool)
    for part, side in parts:
        box, inside = _inside(canvas, part, side, depth_mm)
        mask[box] |= inside
    return mask


def randomised(organ: Organ, rng: np.random.Generator) -> Organ:
    """Return the organ with a random size and position."""
    x, y, z = np.add(organ.centre_mm, rng.normal(0, 0.8 if organ.is_paired else 0.4, 3))
    a, b, c = np.multiply(organ.radii_mm, rng.uniform(0.9, 1.12) * rng.uniform(0.94, 1.06, 3))
    tilt, turn = rng.normal(0, 3, 2)
    return dataclasses.replace(
        organ,
        centre_mm=(float(x), float(y), float(z)),
        radii_mm=(float(a), float(b), float(c)),
        tilt_deg=organ.tilt_deg + float(tilt),
        turn_deg=organ.turn_deg + float(turn),
        layers=tuple((tissue, depth * float(rng.uniform(0.75, 1.5))) for tissue, depth in organ.layers),
    )


def _inside(canvas: Canvas, organ: Organ, side: int, depth_mm: float) -> tuple[Box, NDArray[np.bool_]]:
    """Return a bounding box of the body, and the voxels of the body in this box."""
    radii = np.maximum(np.subtract(organ.radii_mm, depth_mm), 0.1)
    own_axes = rotation(-np.deg2rad(organ.tilt_deg), 0.0, np.deg2rad(organ.turn_deg * side)).T
    centre = np.multiply(organ.centre_mm, (side, 1, 1))
    box = _box(canvas, centre, np.abs(own_axes.T) @ radii)
    offsets = [c[box] - np.float32(m) for c, m in zip((canvas.x, canvas.y, canvas.z), centre, strict=True)]
    total = np.zeros(offsets[0].shape, np.float32)
    for axis, radius in zip(own_axes, radii, strict=True):
        weights = np.rint(axis / radius * _STEP) / _STEP
        along = sum(np.float32(weight) * offset for weight, offset in zip(weights, offsets, strict=True))
        total += along**2 if organ.power == 2 else (along**2) ** 2
    return box, total < 1


def _box(canvas: Canvas, centre: NDArray[np.float64], half: NDArray[np.float64]) -> Box:
    """Return a box with all voxels within ``half`` of ``centre``, computed from subsampled coordinates."""
    step = (1, 4, 4)
    near = np.ones(tuple(-(-n // s) for n, s in zip(canvas.x.shape, step, strict=True)), bool)
    for coordinate, middle, reach in zip((canvas.x, canvas.y, canvas.z), centre, half, strict=True):
        near &= np.abs(coordinate[:: step[0], :: step[1], :: step[2]] - np.float32(middle)) <= reach + 5.0
    box = []
    for axis, s in enumerate(step):
        hits = np.flatnonzero(near.any(axis=tuple(k for k in range(3) if k != axis)))
        box.append(slice(int(hits[0]) * s, int(hits[-1] + 1) * s) if hits.size else slice(0, 0))
    return tuple(box)
