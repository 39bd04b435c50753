"""Axial, coronal and sagittal views of volumes: the short side of a block then lies along z, y or x."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnunet_cscn.data.channels import Volume

Axes = tuple[int, int, int]

# For each view, the volume axes in the order of the network's axes. Blocks are short along the first one.
VIEWS: Mapping[str, Axes] = {"axial": (0, 1, 2), "coronal": (1, 0, 2), "sagittal": (2, 0, 1)}


@dataclass(frozen=True)
class View:
    """A view of a volume: a box of it, with reordered axes and possibly one reversed axis.

    Attributes:
        box: Start and stop index along each axis of the volume; both may lie outside the volume.
        order: The volume axes in their new order.
        reversed_axis: The volume axis that is reversed; None for none.
        centres: Start and stop indices of the part in which block centres may lie; None for the whole box.
    """

    box: tuple[tuple[int, int], ...]
    order: Axes
    reversed_axis: int | None = None
    centres: tuple[tuple[int, int], ...] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Voxels per axis, in the new order."""
        return tuple(self.box[axis][1] - self.box[axis][0] for axis in self.order)

    def locations(self, places: NDArray[np.integer[Any]]) -> NDArray[np.integer[Any]]:
        """Convert voxel locations of the volume to the view, and drop those outside the region of block centres.

        Args:
            places: Channel and indices along the volume axes, (N, 4), as in nnU-Net's class locations.

        Returns:
            Channel and indices along the axes of the view, (M, 4).

        Example:
            >>> view = View(box=((2, 6), (0, 9), (0, 5)), order=(1, 0, 2), reversed_axis=2)
            >>> view.locations(np.array([[0, 3, 8, 1], [0, 1, 8, 1]])).tolist()
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


class ViewedVolume:
    """A view of a volume as a lazy array. Only the sliced part is read.

    Args:
        volume: (C, Z, Y, X).
        view: The box, axis order and reversed axis.
        fill: Value outside the volume.

    Example:
        >>> volume = np.arange(6).reshape(1, 1, 2, 3)
        >>> viewed = ViewedVolume(volume, View(box=((0, 1), (0, 2), (-1, 3)), order=(2, 0, 1)), fill=9)
        >>> viewed.shape, viewed[:, 0:2, 0:1, 0:2].tolist()
        ((1, 4, 1, 2), [[[[9, 9]], [[0, 3]]]])
    """

    ndim = 4

    def __init__(self, volume: Volume, view: View, *, fill: int) -> None:
        self._volume = volume
        self._view = view
        self._fill = fill
        self.dtype: Any = getattr(volume, "dtype", None)
        self.shape = (volume.shape[0], *view.shape)

    def __getitem__(self, slices: Sequence[slice]) -> NDArray[Any]:
        """Return all channels of a region. The first slice, of the channels, must be ``slice(None)``."""
        if slices[0] != slice(None) or len(slices) != self.ndim:
            raise IndexError(f"slices: expected a full one and one for each axis, got {slices}")
        inside, beyond = [slice(None)] * 3, [(0, 0)] * 3
        for part, size, axis in zip(slices[1:], self.shape[1:], self._view.order, strict=True):
            inside[axis], beyond[axis] = self._original(part.indices(size)[:2], axis)
        found = self._volume[(slice(None), *inside)]
        if any(map(any, beyond)):
            found = np.pad(found, [(0, 0), *beyond], constant_values=self._fill)
        if self._view.reversed_axis is not None:
            found = np.flip(found, 1 + self._view.reversed_axis)
        viewed: NDArray[Any] = found.transpose(0, *(1 + axis for axis in self._view.order))
        return np.ascontiguousarray(viewed)  # torch does not accept negative strides

    def _original(self, ends: tuple[int, int], axis: int) -> tuple[slice, tuple[int, int]]:
        """Return the slice to read along a volume axis, and the number of voxels to pad before and after it."""
        first, last = self._view.box[axis]
        start, stop = ends
        if axis == self._view.reversed_axis:
            start, stop = last - first - stop, last - first - start
        start, stop = start + first, stop + first
        size = self._volume.shape[1 + axis]
        there = slice(min(max(start, 0), size), max(min(stop, size), 0))
        return there, (there.start - start, stop - there.stop) if there.start < there.stop else (stop - start, 0)


class ViewedSegmentation:
    """A view of a segmentation without a channel axis, as nnU-Net stores that of a previous stage.

    Args:
        volume: (Z, Y, X).
        view: The box, axis order and reversed axis.
        fill: Value outside the volume.

    Example:
        >>> view = View(box=((0, 1), (0, 2), (0, 3)), order=(2, 0, 1))
        >>> viewed = ViewedSegmentation(np.arange(6).reshape(1, 2, 3), view, fill=-1)
        >>> viewed.shape, viewed[0:2, 0:1, 0:2].tolist()
        ((3, 1, 2), [[[0, 3]], [[1, 4]]])
    """

    ndim = 3

    def __init__(self, volume: Volume, view: View, *, fill: int) -> None:
        self._viewed = ViewedVolume(_OneChannel(volume), view, fill=fill)
        self.dtype: Any = self._viewed.dtype
        self.shape = self._viewed.shape[1:]

    def __getitem__(self, slices: Sequence[slice]) -> NDArray[Any]:
        """Return a region; one slice for each axis."""
        region: NDArray[Any] = self._viewed[(slice(None), *slices)][0]
        return region


class _OneChannel:
    """A volume (Z, Y, X) as a lazy array (1, Z, Y, X)."""

    def __init__(self, volume: Volume) -> None:
        self._volume = volume
        self.dtype: Any = getattr(volume, "dtype", None)
        self.shape = (1, *volume.shape)

    def __getitem__(self, slices: Any) -> NDArray[Any]:
        return np.asarray(self._volume[slices[1:]])[None]
