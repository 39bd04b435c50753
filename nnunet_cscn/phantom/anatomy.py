"""Draw a head around the nasopharynx: no two of them alike, and never in one place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nnunet_cscn.phantom.fields import smooth_field
from nnunet_cscn.phantom.grid import Grid
from nnunet_cscn.phantom.organs import ENVELOPE, ENVELOPE_LAYERS, FLESH_DEPTH_MM, ORGANS, SKULL, SKULL_LAYERS, Organ
from nnunet_cscn.phantom.scene import Scene
from nnunet_cscn.phantom.tissues import Tissue

Floats = NDArray[np.float32]

_WARP_MM = 2.5
_SHIFT_MM = (12.0, 15.0, 15.0)  # largest offset of the nasopharynx from the middle, (z, y, x)


@dataclass(frozen=True)
class _Canvas:
    """The head's own coordinates at each voxel, and what has been painted."""

    x: Floats
    y: Floats
    z: Floats
    patches: Floats
    planes: Floats
    structures: NDArray[np.int16]
    tissues: list[Tissue]


def draw_head(rng: np.random.Generator, grid: Grid) -> Scene:
    """Draw a head on ``grid``, the nasopharynx up to 1.5 cm off its middle.

    Every head has its own size, tilt, smooth deformation, and its own size and place of each organ.

    Args:
        rng: Source of all that is random.
        grid: The field of view; it may be smaller than a head.

    Returns:
        The scene; the tumour's origin lies near a fossa of Rosenmueller, at times at the roof or beside the pharynx.
    """
    shift = rng.uniform(-1, 1, 3) * _SHIFT_MM
    rotation = _rotation(*np.deg2rad(rng.uniform(-7, 7, 3)))
    scale = rng.uniform(0.92, 1.08) * rng.uniform(0.96, 1.04, 3)
    canvas = _canvas(rng, grid, shift, rotation, scale)
    envelope = _paint_union(canvas, rng, ENVELOPE, ENVELOPE_LAYERS)
    _paint_flesh(canvas, envelope)
    _paint_union(canvas, rng, SKULL, SKULL_LAYERS)
    for organ in ORGANS:
        for side in (1, -1) if organ.is_paired else (1,):
            _paint(canvas, rng, _varied(organ, rng), side)
    origin = rotation.T @ (_tumour_origin(rng) * scale[::-1])
    z, y, x = origin[::-1] + shift
    return Scene(grid, canvas.structures, tuple(canvas.tissues), (float(z), float(y), float(x)))


def _tumour_origin(rng: np.random.Generator) -> NDArray[np.float64]:
    """A point (x, y, z) in the head's coordinates where a carcinoma may start."""
    side = float(rng.choice((-1.0, 1.0)))
    place = rng.choice(3, p=(0.6, 0.2, 0.2))
    middle = ((13.0, -5.0, 2.0), (4.0, -4.0, 10.0), (20.0, -9.0, -4.0))[place]
    return np.array(middle) * np.array((side, 1.0, 1.0)) + rng.normal(0, 1, 3) * np.array((2.5, 2.5, 4.0))


def _canvas(
    rng: np.random.Generator,
    grid: Grid,
    shift: NDArray[np.float64],
    rotation: NDArray[np.float64],
    scale: NDArray[np.float64],
) -> _Canvas:
    """Coordinates of a shifted, turned, scaled and warped head."""
    z, y, x = (axis - offset for axis, offset in zip(grid.axes_mm(), shift, strict=True))
    own = []
    for row, size in zip(rotation, scale[::-1], strict=True):
        plain = row[0] * x[None, None, :] + row[1] * y[None, :, None] + row[2] * z[:, None, None]
        warp = _WARP_MM * smooth_field(rng, grid, length_mm=22.0)
        own.append((np.rint(plain / size * 4096) / 4096).astype(np.float32) + warp)
    patches = smooth_field(rng, grid, length_mm=2.6)
    planes = smooth_field(rng, grid, length_mm=7.0)
    return _Canvas(own[0], own[1], own[2], patches, planes, np.zeros(grid.shape, np.int16), [Tissue.AIR])


def _rotation(about_x: float, about_y: float, about_z: float) -> NDArray[np.float64]:
    cx, sx, cy, sy, cz, sz = (f(a) for a in (about_x, about_y, about_z) for f in (np.cos, np.sin))
    turn_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    turn_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    turn_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return np.asarray(turn_z @ turn_y @ turn_x, dtype=np.float64)


def _varied(organ: Organ, rng: np.random.Generator) -> Organ:
    """The organ with its own size and place."""
    x, y, z = np.add(organ.centre_mm, rng.normal(0, 0.8, 3) * (0.5 if not organ.is_paired else 1.0))
    a, b, c = np.multiply(organ.radii_mm, rng.uniform(0.9, 1.12) * rng.uniform(0.94, 1.06, 3))
    layers = tuple((tissue, depth * rng.uniform(0.75, 1.5)) for tissue, depth in organ.layers)
    return Organ(
        organ.tissue, (x, y, z), (a, b, c), organ.power, organ.tilt_deg + rng.normal(0, 3),
        organ.turn_deg + rng.normal(0, 3), organ.is_paired, layers, organ.patchiness,
    )  # fmt: skip


def _paint_union(
    canvas: _Canvas, rng: np.random.Generator, parts: tuple[Organ, ...], layers: tuple[tuple[Tissue, float], ...]
) -> list[tuple[Organ, int]]:
    """Paint nested layers, each over the union of all parts; return the parts as painted, with their sides."""
    varied = [(_varied(part, rng), side) for part in parts for side in ((1, -1) if part.is_paired else (1,))]
    for tissue, depth in ((parts[0].tissue, 0.0), *layers):
        number = _new_structure(canvas, tissue)
        for part, side in varied:
            box, power_sum = _power_sum(canvas, part, side, depth)
            canvas.structures[box][power_sum < 1] = number
    return varied


def _paint_flesh(canvas: _Canvas, envelope: list[tuple[Organ, int]]) -> None:
    """Paint muscle below the subcutaneous fat, parted by planes of fat (the zero set of a smooth field)."""
    number = _new_structure(canvas, Tissue.MUSCLE)
    for part, side in envelope:
        box, power_sum = _power_sum(canvas, part, side, FLESH_DEPTH_MM)
        canvas.structures[box][(power_sum < 1) & (np.abs(canvas.planes[box]) > 0.3)] = number


def _paint(canvas: _Canvas, rng: np.random.Generator, organ: Organ, side: int) -> None:
    """Paint one body with its layers."""
    for tissue, depth in ((organ.tissue, 0.0), *organ.layers):
        if depth >= 0.95 * min(organ.radii_mm):
            continue
        number = _new_structure(canvas, tissue)
        box, power_sum = _power_sum(canvas, organ, side, depth)
        inside = power_sum < 1
        if organ.patchiness:
            inside &= canvas.patches[box] > 0.6 - organ.patchiness
        canvas.structures[box][inside] = number


def _new_structure(canvas: _Canvas, tissue: Tissue) -> int:
    canvas.tissues.append(tissue)
    return len(canvas.tissues) - 1


def _power_sum(canvas: _Canvas, organ: Organ, side: int, depth_mm: float) -> tuple[tuple[slice, ...], Floats]:
    """The body's implicit function (below 1: inside) in the box of voxels that it may touch."""
    radii = np.maximum(np.subtract(organ.radii_mm, depth_mm), 0.1)
    tilt, turn = np.deg2rad(organ.tilt_deg), np.deg2rad(organ.turn_deg * side)
    own_axes = _rotation(-tilt, 0.0, turn).T
    centre = np.multiply(organ.centre_mm, (side, 1, 1))
    half = np.abs(own_axes.T) @ radii
    box = _box(canvas, centre, half)
    offsets = [c[box] - np.float32(m) for c, m in zip((canvas.x, canvas.y, canvas.z), centre, strict=True)]
    total = np.zeros(offsets[0].shape, np.float32)
    for axis, radius in zip(own_axes, radii, strict=True):
        weights = np.rint(axis / radius * 2**20) / 2**20
        along = sum(np.float32(w) * offset for w, offset in zip(weights, offsets, strict=True))
        total += along**2 if organ.power == 2 else (along * along) ** 2
    return box, total


def _box(canvas: _Canvas, centre: NDArray[np.float64], half: NDArray[np.float64]) -> tuple[slice, ...]:
    """Smallest box of voxels whose coordinates come within ``half`` of ``centre``, from thinned-out coordinates."""
    step = (1, 4, 4)
    near = np.ones(tuple(-(-n // s) for n, s in zip(canvas.x.shape, step, strict=True)), bool)
    for coordinate, middle, reach in zip((canvas.x, canvas.y, canvas.z), centre, half, strict=True):
        near &= np.abs(coordinate[:: step[0], :: step[1], :: step[2]] - np.float32(middle)) <= reach + 5.0
    box = []
    for axis, s in enumerate(step):
        hits = np.flatnonzero(near.any(axis=tuple(k for k in range(3) if k != axis)))
        box.append(slice(int(hits[0]) * s, int(hits[-1] + 1) * s) if hits.size else slice(0, 0))
    return tuple(box)
