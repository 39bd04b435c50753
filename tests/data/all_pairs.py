"""Distances inside labels from all pairs of voxels: slow, but close to the definition."""

from __future__ import annotations

import numpy as np


def distance_by_all_pairs(labels, spacing_mm, *, ignore_label=None, edge="background"):
    voxels = [tuple(index) for index in np.ndindex(labels.shape)]
    spacing = np.asarray(spacing_mm, dtype=np.float64)
    result = np.zeros(labels.shape)
    for voxel in voxels:
        label = labels[voxel]
        if label in (0, ignore_label):
            continue
        border = [other for other in voxels if labels[other] not in (label, ignore_label)]
        if edge == "surface":
            outside = set(border)
            border = [v for v in voxels if labels[v] == label and any(n in outside for n in face_neighbours(v))]
        if border:
            steps = (np.array(border) - np.array(voxel)) * spacing
            result[voxel] = np.sqrt((steps**2).sum(axis=1)).min()
    return result


def face_neighbours(voxel):
    for axis in range(len(voxel)):
        for step in (-1, 1):
            yield (*voxel[:axis], voxel[axis] + step, *voxel[axis + 1 :])
