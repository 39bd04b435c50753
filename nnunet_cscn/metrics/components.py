"""Find the connected components of a mask from its runs of voxels (fast and small, also in large volumes)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from nnunet_cscn.metrics.masks import Mask, slabs

Indices: TypeAlias = NDArray[np.intp]

# Offsets (dz, dy) of the neighbouring lines that come earlier. Later neighbours find this line as an earlier one.
_LINES_BEFORE = ((0, -1), (-1, -1), (-1, 0), (-1, 1))


@dataclass(frozen=True)
class Components:
    """The connected components of a mask: voxels that share a face, an edge or a corner (26 neighbours).

    A run is a row of consecutive foreground voxels along the last axis. The runs are in array order.

    Attributes:
        starts: Flat index of the first voxel of each run.
        stops: Flat index behind the last voxel of each run.
        numbers: The component of each run, counted from 0.
        n: Number of components.
    """

    starts: Indices
    stops: Indices
    numbers: Indices
    n: int

    @property
    def sizes(self) -> Indices:
        """Number of voxels of each component."""
        return self._summed(self.stops - self.starts)

    def of_voxels(self, of_components: NDArray[Any]) -> NDArray[Any]:
        """Repeat a value of each component for each of its voxels.

        Args:
            of_components: One value for each component.

        Returns:
            One value for each foreground voxel, in array order, so that ``mask[mask]`` has the same shape.
        """
        return np.repeat(of_components[self.numbers], self.stops - self.starts)

    def sums(self, of_voxels: NDArray[Any]) -> Indices:
        """Sum a count over the voxels of each component.

        Args:
            of_voxels: Booleans or counts, one for each foreground voxel in array order, such as ``other[mask]``.
        """
        if not self.n:
            return np.zeros(0, dtype=np.intp)
        lengths = self.stops - self.starts
        return self._summed(np.add.reduceat(of_voxels, np.cumsum(lengths) - lengths, dtype=np.intp))

    def shared(self, other: Components) -> Indices:
        """Return the number of voxels that each component shares with each of another mask of the same shape."""
        # those runs of the other mask that overlap one run are consecutive, because runs are in array order
        low = np.searchsorted(other.stops, self.starts, side="right")
        high = np.searchsorted(other.starts, self.stops, side="left")
        ours, theirs = _expanded(np.arange(self.starts.size), low, high)
        first = np.maximum(self.starts[ours], other.starts[theirs])
        last = np.minimum(self.stops[ours], other.stops[theirs])
        pairs = self.numbers[ours] * other.n + other.numbers[theirs]
        found = np.bincount(pairs, weights=last - first, minlength=self.n * other.n)
        return found.astype(np.intp).reshape(self.n, other.n)

    def _summed(self, of_runs: Indices) -> Indices:
        return np.bincount(self.numbers, weights=of_runs, minlength=self.n).astype(np.intp)


def components(mask: Mask) -> Components:
    """Find the connected components of a mask.

    Memory and time depend on the number of runs (consecutive foreground voxels along the last axis), except for one
    pass over the volume.

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
    n_rows, n_columns = mask.shape[1:]
    row, start, stop = _runs(mask)
    starts, stops = row * n_columns + start, row * n_columns + stop
    if not row.size:
        return Components(starts, stops, row, 0)
    edges = _touching_runs(row, start, stop - 1, n_rows)
    graph = coo_array((np.ones(len(edges[0]), dtype=bool), edges), shape=(row.size, row.size))
    n_parts, part_of_run = connected_components(graph, directed=False)
    return Components(starts, stops, part_of_run.astype(np.intp), int(n_parts))


def _runs(mask: Mask) -> tuple[Indices, Indices, Indices]:
    """Return the row of each run (counted over all slices), its first column, and the column behind its last one."""
    n_rows, n_columns = mask.shape[1:]
    found = []
    for part in slabs(mask.shape):
        framed = np.zeros((part.stop - part.start, n_rows, n_columns + 2), dtype=bool)
        framed[..., 1:-1] = mask[part]
        changes = np.flatnonzero(framed[..., 1:] != framed[..., :-1])  # in turn a start and a stop
        found.append(changes + part.start * n_rows * (n_columns + 1))
    changes = np.concatenate(found) if found else np.zeros(0, dtype=np.intp)
    row, start = np.divmod(changes[::2], n_columns + 1)
    return row, start, changes[1::2] % (n_columns + 1)


def _touching_runs(row: Indices, start: Indices, last: Indices, n_rows: int) -> tuple[Indices, Indices]:
    """Return the pairs of runs in neighbouring lines that overlap or touch at a corner.

    All positions are numbered in one sequence, line after line, with a gap of two between lines. So the runs of another
    line that touch one run are consecutive in the sorted order, and two binary searches find them.
    """
    width = int(last.max()) + 3
    starts, ends = row * width + start, row * width + last
    z, y = np.divmod(row, n_rows)
    one, other = [], []
    for dz, dy in _LINES_BEFORE:
        inside = (y + dy >= 0) & (y + dy < n_rows) & (z + dz >= 0)
        runs = np.flatnonzero(inside)
        base = (row[runs] + dz * n_rows + dy) * width
        low = np.searchsorted(ends, base + start[runs] - 1)
        high = np.searchsorted(starts, base + last[runs] + 1, side="right")
        pairs = _expanded(runs, low, high)
        one.append(pairs[0])
        other.append(pairs[1])
    return np.concatenate(one), np.concatenate(other)


def _expanded(runs: Indices, low: Indices, high: Indices) -> tuple[Indices, Indices]:
    """Return each run as often as its range ``low`` to ``high`` is long, and beside it the numbers of that range."""
    counts = np.maximum(high - low, 0)
    offsets = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.repeat(runs, counts), np.repeat(low, counts) + offsets
