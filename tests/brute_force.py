"""Surface distances by loops over every voxel and every pair of points: slow, and independent of the package."""

import math
from itertools import product

import numpy as np

STEPS = ((1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1))


def surface_points(mask, ignored=None):
    """Indices of the foreground voxels with a face towards background; what lies outside the array is background."""
    points = []
    for voxel in product(*map(range, mask.shape)):
        if not mask[voxel]:
            continue
        for step in STEPS:
            neighbour = tuple(a + b for a, b in zip(voxel, step, strict=True))
            if not all(0 <= a < n for a, n in zip(neighbour, mask.shape, strict=True)):
                points.append(voxel)
                break
            if not mask[neighbour] and not (ignored is not None and ignored[neighbour]):
                points.append(voxel)
                break
    return points


def directed_mm(source, target, spacing_mm):
    """For each point of `source` the distance to the nearest point of `target`."""

    def scaled(point):
        return [index * step for index, step in zip(point, spacing_mm, strict=True)]

    return [min(math.dist(scaled(p), scaled(q)) for q in target) for p in source]


def assd_and_hd95_mm(prediction, reference, spacing_mm, ignored=None):
    """Eq. 9 and the larger linear 95th percentile."""
    first, second = surface_points(prediction, ignored), surface_points(reference, ignored)
    there, back = directed_mm(first, second, spacing_mm), directed_mm(second, first, spacing_mm)
    assd = (sum(there) / len(there) + sum(back) / len(back)) / 2
    return assd, max(percentile_95(there), percentile_95(back))


def both_directions_mm(prediction, reference, spacing_mm):
    """All surface distances of either mask to the other."""
    first, second = surface_points(prediction), surface_points(reference)
    return directed_mm(first, second, spacing_mm) + directed_mm(second, first, spacing_mm)


def contour_points(mask):
    """Foreground pixels with an edge towards background in their slice."""
    points = set()
    for voxel in product(*map(range, mask.shape)):
        for step in STEPS[2:]:
            neighbour = tuple(a + b for a, b in zip(voxel, step, strict=True))
            inside = all(0 <= a < n for a, n in zip(neighbour, mask.shape, strict=True))
            if mask[voxel] and not (inside and mask[neighbour]):
                points.add(voxel)
    return points


def n_added_pixels(prediction, reference):
    """Contour pixels of the reference that are not on the prediction's contour."""
    return len(contour_points(reference) - contour_points(prediction))


def components(mask):
    """Connected parts as sets of voxels; 26 neighbours."""
    left = {tuple(int(i) for i in voxel) for voxel in np.argwhere(mask)}
    parts = []
    while left:
        part, front = set(), [left.pop()]
        while front:
            voxel = front.pop()
            part.add(voxel)
            for step in product((-1, 0, 1), repeat=3):
                neighbour = tuple(a + b for a, b in zip(voxel, step, strict=True))
                if neighbour in left:
                    left.remove(neighbour)
                    front.append(neighbour)
        parts.append(part)
    return parts


def percentile_95(values):
    """Linear interpolation between the two neighbours of rank 0.95 (n - 1)."""
    ordered = sorted(values)
    rank = 0.95 * (len(ordered) - 1)
    low = math.floor(rank)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (rank - low) * (ordered[high] - ordered[low])


def random_blob(random, shape):
    """A mask of two overlapping boxes and some single voxels."""
    mask = random.random(shape) < 0.01
    for _ in range(2):
        start = [random.integers(0, n - 2) for n in shape]
        stop = [random.integers(a + 1, n + 1) for a, n in zip(start, shape, strict=True)]
        mask[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))] = True
    return np.asarray(mask, dtype=bool)
