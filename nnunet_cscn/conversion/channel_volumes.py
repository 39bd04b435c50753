"""Read the series of several channels onto one grid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnunet_cscn.conversion.source_volumes import on_grid
from nnunet_cscn.dicom.hounsfield import hounsfield_warning
from nnunet_cscn.dicom.pixels import read_pixels
from nnunet_cscn.dicom.series import ImageSeries
from nnunet_cscn.errors import UserError
from nnunet_cscn.formats.volume import Volume
from nnunet_cscn.nifti.grids import Grid

_WHOLE = 0.999  # share of a grid from which on a channel covers it: the centres of the last voxels may just be outside


@dataclass(frozen=True)
class ChannelVolumes:
    """Channels on one grid.

    Attributes:
        voxels: The image of each channel, shape (Z, Y, X).
        notes: Which channels were resampled, how much of the grid they cover, and warnings about their values.
    """

    voxels: list[NDArray[Any]]
    notes: tuple[str, ...]


def channel_volumes(channels: Mapping[str, ImageSeries | None], reference: ImageSeries) -> ChannelVolumes:
    """Read the series of each channel, and resample those on another grid onto that of the reference.

    Series that are on the grid already keep their values. Resampling is linear. A missing channel is filled with zeros.

    Args:
        channels: The series of each channel; None for a channel that is missing.
        reference: The series whose grid counts.

    Raises:
        UserError: When a series cannot be read, its slices are not evenly spaced, or it lies outside the reference.
    """
    grid, volumes, notes = reference.stack.grid(), list[NDArray[Any]](), list[str]()
    for name, series in channels.items():
        if series is None:
            volumes.append(np.zeros(reference.stack.shape, np.int16))
            continue
        try:
            volume = Volume(read_pixels(series), series.stack.grid())
            moved, resampled = on_grid(volume, grid, f"channel {name}", resample=True)
        except UserError as fault:
            text = str(fault)
            raise UserError(text if text.startswith(f"channel {name}") else f"channel {name}: {text}") from None
        if resampled:
            notes.append(f"{resampled} onto the reference{_coverage(volume.grid, grid)}")
        notes += hounsfield_warning(series, volume.voxels)
        volumes.append(moved.voxels)
    return ChannelVolumes(volumes, tuple(notes))


def _coverage(grid: Grid, reference: Grid) -> str:
    """How much of the reference lies inside a grid, if it is not all of it; the rest has the lowest value."""
    steps = [np.linspace(0, count - 1, min(count, 33)) for count in reference.shape]
    points = np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1).reshape(-1, 3)
    matrix = np.linalg.solve(grid.affine(), reference.affine())
    there = points @ matrix[:3, :3].T + matrix[:3, 3]
    share = ((there > -0.5) & (there < np.array(grid.shape) - 0.5)).all(axis=1).mean()
    return "" if share >= _WHOLE else f" and covers {100 * share:.0f} % of it"
