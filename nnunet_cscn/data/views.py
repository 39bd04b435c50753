"""Volumes seen along another axis: the short side of a block then lies along z, y or x."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnunet_cscn.data.channels import Volume

Axes = tuple[int, int, int]

# For each view, which axis of the volume becomes the network's first (along which its blocks are short), second, third.
VIEWS: Mapping[str, Axes] = {"axial": (0, 1, 2), "coronal": (1, 0, 2), "sagittal": (2, 0, 1)}


@dataclass(frozen=True)
class Turn:
    """How a volume is seen: a part of it, its axes in another order, one of them reversed.

    Attributes:
        box: First voxel and the one behind the last, along each axis of the volume; both may lie outside of it.
        order: The volume's axes in their new order.
        reversed_axis: The axis of the volume that is reversed; None for none.
        centres: The part that blocks may be drawn around, like the box; None for all of it.
    """

    box: tuple[tuple[int, int], ...]
    order: Axes
    reversed_axis: int | None = None
    centres: tuple[tuple[int, int], ...] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Voxels along the axes in their new order."""
        return tuple(self.box[axis][1] - self.box[axis][0] for axis in self.order)

    def locations(self, places: NDArray[np.integer[Any]]) -> NDArray[np.integer[Any]]:
        """Return where voxels of the volume are seen, without those that no block is drawn around.

        Args:
            places: Channel and indices along the volume's axes, (N, 4), as nnU-Net keeps class locations.

        Returns:
            The same with indices along the new axes, (M, 4).

        Example:
            >>> turn = Turn(box=((2, 6), (0, 9), (0, 5)), order=(1, 0, 2), reversed_axis=2)
            >>> turn.locations(np.array([[0, 3, 8, 1], [0, 1, 8, 1]])).tolist()
            [[0, 8, 1, 3]]
        """
        first, last = np.asarray(self.centres or self.box).T
        seen = places[((places[:, 1:] >= first) & (places[:, 1:] < last)).all(axis=1)]
        start, stop = np.asarray(self.box).T
        indices = seen[:, 1:] - start
        if self.reversed_axis is not None:
            axis = self.reversed_axis
            indices[:, axis] = stop[axis] - start[axis] - 1 - indices[:, axis]
        return np.column_stack([seen[:, 0], indices[:, list(self.order)]])


class TurnedVolume:
    """A volume as a turn shows it; only what is sliced is read.

    Args:
        volume: (C, Z, Y, X).
        turn: How it is seen.
        fill: What stands outside of it.

    Example:
        >>> volume = np.arange(6).reshape(1, 1, 2, 3)
        >>> turned = TurnedVolume(volume, Turn(box=((0, 1), (0, 2), (-1, 3)), order=(2, 0, 1)), fill=9)
        >>> turned.shape, turned[:, 0:2, 0:1, 0:2].tolist()
        ((1, 4, 1, 2), [[[[9, 9]], [[0, 3]]]])
    """

    ndim = 4

    def __init__(self, volume: Volume, turn: Turn, *, fill: int) -> None:
        self._volume = volume
        self._turn = turn
        self._fill = fill
        self.dtype: Any = getattr(volume, "dtype", None)
        self.shape = (volume.shape[0], *turn.shape)

    def __getitem__(self, slices: Sequence[slice]) -> NDArray[Any]:
        """Return all channels of a region; the first slice, over the channels, must be a full one."""
        if slices[0] != slice(None) or len(slices) != self.ndim:
            raise IndexError(f"slices: expected a full one and one for each axis, got {slices}")
        inside, beyond = [slice(None)] * 3, [(0, 0)] * 3
        for part, size, axis in zip(slices[1:], self.shape[1:], self._turn.order, strict=True):
            inside[axis], beyond[axis] = self._original(part.indices(size)[:2], axis)
        found = self._volume[(slice(None), *inside)]
        if any(map(any, beyond)):
            found = np.pad(found, [(0, 0), *beyond], constant_values=self._fill)
        if self._turn.reversed_axis is not None:
            found = np.flip(found, 1 + self._turn.reversed_axis)
        turned: NDArray[Any] = found.transpose(0, *(1 + axis for axis in self._turn.order))
        return np.ascontiguousarray(turned)  # torch takes no reversed axes

    def _original(self, ends: tuple[int, int], axis: int) -> tuple[slice, tuple[int, int]]:
        """Return which part of the volume's axis is read, and how many voxels are missing before and behind it."""
        first, last = self._turn.box[axis]
        start, stop = ends
        if axis == self._turn.reversed_axis:
            start, stop = last - first - stop, last - first - start
        start, stop = start + first, stop + first
        size = self._volume.shape[1 + axis]
        there = slice(min(max(start, 0), size), max(min(stop, size), 0))
        return there, (there.start - start, stop - there.stop) if there.start < there.stop else (stop - start, 0)


class TurnedSegmentation:
    """A segmentation without a channel axis, as nnU-Net keeps that of a previous stage, seen as a turn shows it.

    Args:
        volume: (Z, Y, X).
        turn: How it is seen.
        fill: The value outside of the volume.

    Example:
        >>> turn = Turn(box=((0, 1), (0, 2), (0, 3)), order=(2, 0, 1))
        >>> turned = TurnedSegmentation(np.arange(6).reshape(1, 2, 3), turn, fill=-1)
        >>> turned.shape, turned[0:2, 0:1, 0:2].tolist()
        ((3, 1, 2), [[[0, 3]], [[1, 4]]])
    """

    ndim = 3

    def __init__(self, volume: Volume, turn: Turn, *, fill: int) -> None:
        self._turned = TurnedVolume(_OneChannel(volume), turn, fill=fill)
        self.dtype: Any = self._turned.dtype
        self.shape = self._turned.shape[1:]

    def __getitem__(self, slices: Sequence[slice]) -> NDArray[Any]:
        """Return a region; one slice for each axis."""
        region: NDArray[Any] = self._turned[(slice(None), *slices)][0]
        return region


class _OneChannel:
    """A volume (Z, Y, X), seen as (1, Z, Y, X); only what is sliced is read."""

    def __init__(self, volume: Volume) -> None:
        self._volume = volume
        self.dtype: Any = getattr(volume, "dtype", None)
        self.shape = (1, *volume.shape)

    def __getitem__(self, slices: Any) -> NDArray[Any]:
        return np.asarray(self._volume[slices[1:]])[None]
