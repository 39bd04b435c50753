"""Find the connected components of a mask from its runs of voxels (fast for small structures in large volumes)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from nnunet_cscn.metrics.masks import Mask

Indices: TypeAlias = NDArray[np.intp]

# Offsets (dz, dy) of the neighbouring lines that come earlier. Later neighbours find this line as an earlier one.
_LINES_BEFORE = ((0, -1), (-1, -1), (-1, 0), (-1, 1))


@dataclass(frozen=True)
class Components:
    """The connected components of a mask: voxels that share a face, an edge or a corner (26 neighbours).

    Attributes:
        voxels: Flat indices of the foreground voxels, ascending.
        numbers: The component of each of these voxels, counted from 0.
        n: Number of components.
    """

    voxels: Indices
    numbers: Indices
    n: int

    @property
    def sizes(self) -> Indices:
        """Number of voxels of each component."""
        return np.bincount(self.numbers, minlength=self.n)


def components(mask: Mask) -> Components:
    """Find the connected components of a mask.

    The time depends on the number of runs (consecutive foreground voxels along the last axis), not on the size of the
    volume.

    Args:
        mask: Shape (Z, Y, X).

    Example:
        >>> mask = np.zeros((2, 3, 4), dtype=bool)
        >>> mask[0, 0, :2] = mask[1, 1, 2] = mask[0, 2, 3] = True
        >>> mask[1, 2, 0] = True
        >>> found = components(mask)
        >>> found.n, found.sizes.tolist()
        (2, [4, 1])
    """
    voxels = np.flatnonzero(mask)
    if not voxels.size:
        return Components(voxels, voxels, 0)
    n_rows, n_columns = mask.shape[1:]
    starts_run = np.empty(voxels.size, dtype=bool)
    starts_run[0] = True
    np.not_equal(voxels[1:], voxels[:-1] + 1, out=starts_run[1:])
    starts_run |= voxels % n_columns == 0
    first = np.flatnonzero(starts_run)
    last = np.append(first[1:], voxels.size) - 1
    row, start = np.divmod(voxels[first], n_columns)
    stop = voxels[last] % n_columns
    edges = _touching_runs(row, start, stop, n_rows, n_columns)
    graph = coo_array((np.ones(len(edges[0]), dtype=bool), edges), shape=(first.size, first.size))
    n_parts, part_of_run = connected_components(graph, directed=False)
    return Components(voxels, np.repeat(part_of_run.astype(np.intp), last - first + 1), int(n_parts))


def _touching_runs(row: Indices, start: Indices, stop: Indices, n_rows: int, n_columns: int) -> tuple[Indices, Indices]:
    """Return the pairs of runs in neighbouring lines that overlap or touch at a corner.

    All positions are numbered in one sequence, line after line, with a gap of two between lines. So the runs of another
    line that touch one run are consecutive in the sorted order, and two binary searches find them.
    """
    width = n_columns + 2
    starts, stops = row * width + start, row * width + stop
    z, y = np.divmod(row, n_rows)
    one, other = [], []
    for dz, dy in _LINES_BEFORE:
        inside = (y + dy >= 0) & (y + dy < n_rows) & (z + dz >= 0)
        runs = np.flatnonzero(inside)
        base = (row[runs] + dz * n_rows + dy) * width
        low = np.searchsorted(stops, base + start[runs] - 1)
        high = np.searchsorted(starts, base + stop[runs] + 1, side="right")
        counts = np.maximum(high - low, 0)
        one.append(np.repeat(runs, counts))
        offsets = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        other.append(np.repeat(low, counts) + offsets)
    return np.concatenate(one), np.concatenate(other)
