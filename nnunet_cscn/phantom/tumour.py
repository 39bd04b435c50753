"""Grow a tumour of irregular shape in soft tissue."""

from __future__ import annotations

import numpy as np
import SimpleITK
from numpy.typing import NDArray
from scipy import ndimage

from nnunet_cscn.phantom.fields import smooth_field
from nnunet_cscn.phantom.scene import Scene
from nnunet_cscn.phantom.tissues import APPEARANCES, Tissue

VOLUME_RANGE_ML = (6.0, 36.0)  # narrower than the documented 5 to 40 ml, because smoothing changes the volume


def grow_tumour(rng: np.random.Generator, scene: Scene) -> NDArray[np.bool_]:
    """Grow a tumour of 5 to 40 ml from the origin in the scene.

    A front starts at the origin. Its speed depends on the tissue (fast in mucosa, slower in muscle and fat, zero in
    bone, brain and vessels) and on a random field. The tumour is the region that the front has reached when its volume
    has the target value. So the tumour is connected and irregular, follows the soft tissue and fills a part of the
    airway.

    Args:
        rng: Random number generator.
        scene: The anatomy.

    Returns:
        The mask of the tumour, (Z, Y, X).
    """
    wanted = round(float(rng.uniform(*VOLUME_RANGE_ML)) / scene.grid.voxel_ml)
    speed = _speed(rng, scene)
    start = _nearest_open_voxel(scene, speed)
    arrival = _arrival_times(speed, start, scene.grid.spacing_mm, wanted)
    sigma = [1.2 / step for step in scene.grid.spacing_mm]
    is_open = speed > 0
    weight = ndimage.gaussian_filter(is_open.astype(np.float32), sigma)
    smooth = ndimage.gaussian_filter(np.where(is_open, arrival, 0), sigma) / np.maximum(weight, 1e-3)
    smooth[~is_open] = np.inf
    limit = np.partition(smooth.ravel(), wanted)[wanted]
    parts, _ = ndimage.label(smooth < limit)
    mask: NDArray[np.bool_] = parts == np.bincount(parts.ravel())[1:].argmax() + 1
    return mask


def _speed(rng: np.random.Generator, scene: Scene) -> NDArray[np.float32]:
    """Return the speed of growth at each voxel. 0 for no growth."""
    of_tissue = np.zeros(len(Tissue), np.float32)
    for tissue, appearance in APPEARANCES.items():
        of_tissue[tissue] = appearance.speed * rng.uniform(0.7, 1.3)
    uneven = 0.55 * smooth_field(rng, scene.grid, length_mm=9.0) + 0.25 * smooth_field(rng, scene.grid, length_mm=4.0)
    speed: NDArray[np.float32] = of_tissue[scene.tissue_map()] * np.exp(uneven)
    return speed


def _nearest_open_voxel(scene: Scene, speed: NDArray[np.float32]) -> tuple[int, int, int]:
    """Return the nearest voxel to the origin in which the speed of growth is high."""
    index = [
        int(np.clip(np.rint(origin / step + (count - 1) / 2), 0, count - 1))
        for origin, step, count in zip(scene.origin_mm, scene.grid.spacing_mm, scene.grid.shape, strict=True)
    ]
    offsets = np.ix_(
        *[(np.arange(n) - i) * s for n, i, s in zip(speed.shape, index, scene.grid.spacing_mm, strict=True)]
    )
    squared = sum(offset**2 for offset in offsets)
    z, y, x = np.unravel_index(np.argmin(np.where(speed > 0.2, squared, np.inf)), speed.shape)
    return int(z), int(y), int(x)


def _arrival_times(
    speed: NDArray[np.float32], start: tuple[int, int, int], spacing_mm: tuple[float, float, float], wanted: int
) -> NDArray[np.float32]:
    """Return the arrival time of the front at each voxel, in a region large enough for more than ``wanted`` voxels."""
    image = SimpleITK.GetImageFromArray(speed)
    image.SetSpacing(spacing_mm[::-1])
    stop = 16.0
    while True:
        arrival = SimpleITK.GetArrayFromImage(SimpleITK.FastMarching(image, [start[::-1]], stoppingValue=stop))
        reached = int((arrival < stop).sum())
        if reached > 1.5 * wanted or stop > 1000:
            return np.asarray(np.minimum(arrival, stop), dtype=np.float32)
        stop *= 1.6
