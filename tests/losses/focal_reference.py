"""The distance-weighted focal loss in double precision, voxel by voxel from Eqs. 5 to 7."""

from __future__ import annotations

import numpy as np


def focal_by_voxel(logits, labels, distance=None, *, gamma=2.0, ignore_label=None, weighted_mean=False):
    """logits (B, C, *size), labels and distance (B, 1, *size), all numpy."""
    logits = np.asarray(logits, dtype=np.float64)
    terms, alphas = [], []
    for index in np.ndindex(labels.shape):
        label = int(labels[index])
        if label == ignore_label:
            continue
        scores = logits[(index[0], slice(None), *index[2:])]
        p = np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()
        alpha = 1.0 + float(distance[index]) if distance is not None and label > 0 else 1.0
        terms.append(-alpha * (1 - p[label]) ** gamma * np.log(p[label]))
        alphas.append(alpha)
    if not terms:
        return 0.0
    return sum(terms) / (sum(alphas) if weighted_mean else len(terms))


def region_focal_by_voxel(logits, regions, distance=None, *, gamma=2.0, valid=None, weighted_mean=False):
    """logits, regions and distance (B, R, *size), valid (B, 1, *size), all numpy."""
    terms, alphas = [], []
    for index in np.ndindex(regions.shape):
        if valid is not None and not valid[(index[0], 0, *index[2:])]:
            continue
        p = 1 / (1 + np.exp(-np.float64(logits[index])))
        p_t = p if regions[index] else 1 - p
        alpha = 1.0 + float(distance[index]) if distance is not None and regions[index] else 1.0
        terms.append(-alpha * (1 - p_t) ** gamma * np.log(p_t))
        alphas.append(alpha)
    return sum(terms) / (sum(alphas) if weighted_mean else len(terms))
