"""Read TIFF, PNG and BMP files, with the spacing that nnU-Net uses."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnunet_cscn.errors import UserError
from nnunet_cscn.files import read_json_file
from nnunet_cscn.formats.volume import Volume
from nnunet_cscn.nifti.grids import Grid

_AXES = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
_CHANNEL = re.compile(r"_\d{4}$")
NO_SPACING = "the file has no spacing: distances are in pixels"


def read_picture(file: Path) -> Volume:
    """Read a 2D image of one value per pixel.

    Raises:
        UserError: When it cannot be read or has colours. The message is the reason, without the name of the file.
    """
    pixels = read_pixels(file)
    if pixels.ndim != 2:
        raise UserError(f"expected one value per pixel, the file has shape {pixels.shape}")
    return flat_volume(pixels)


def read_pixels(file: Path) -> NDArray[Any]:
    """Read a picture as it is: (rows, columns), or with colours behind them.

    Raises:
        UserError: When it cannot be read.
    """
    from skimage.io import imread

    try:
        return np.asarray(imread(file))
    except Exception:  # a damaged file may lead to any exception
        raise UserError("the file cannot be read; it is damaged or has an unsupported format") from None


def has_colours(file: Path) -> bool:
    """Tell whether a TIFF file is one picture with the colours of a pixel side by side.

    Three or four slices are no colours, even if tifffile, and so nnU-Net, marks them as colour planes.

    Raises:
        UserError: When it cannot be read.
    """
    import tifffile  # nnU-Net needs it too

    try:
        with tifffile.TiffFile(file) as tiff:
            page = tiff.pages.first
            return (
                len(tiff.pages) == 1 and page.samplesperpixel > 1 and page.planarconfig == tifffile.PLANARCONFIG.CONTIG
            )
    except Exception:  # a damaged file may lead to any exception
        raise UserError("the file cannot be read; it is damaged or has an unsupported format") from None


def read_tiff(file: Path) -> Volume:
    """Read a TIFF file: a 2D image, or slices whose spacing is in a JSON file with the same name.

    Raises:
        UserError: When it cannot be read, has colours, or its spacing is not three positive numbers. The text is the
            reason, without the file's name.
    """
    import tifffile  # nnU-Net needs it too

    try:
        voxels: NDArray[Any] = np.asarray(tifffile.imread(file))
    except Exception:  # a damaged file may lead to any exception
        raise UserError("the file cannot be read; it is damaged or has an unsupported format") from None
    if voxels.ndim == 2:
        return flat_volume(voxels)
    if voxels.ndim != 3:
        raise UserError(f"expected slices of one value per pixel, the file has shape {voxels.shape}")
    spacing, notes = _spacing_beside(file)
    return Volume(voxels, plain_grid(voxels.shape, spacing, notes=notes))


def flat_volume(pixels: NDArray[Any]) -> Volume:
    """Return a 2D image (rows, columns) without spacing as one slice."""
    return Volume(pixels[None], plain_grid((1, *pixels.shape), (1.0, 1.0, 1.0), n_dimensions=2, notes=(NO_SPACING,)))


def plain_grid(
    shape: tuple[int, ...], spacing_mm: tuple[float, ...], *, n_dimensions: int = 3, notes: tuple[str, ...] = ()
) -> Grid:
    """Return the grid of an array of which only the spacing is known.

    Args:
        shape: Shape of the array, (Z, Y, X).
        spacing_mm: Size of a voxel along (Z, Y, X).
        n_dimensions: 2 for a 2D image.
        notes: Notes on the grid.
    """
    return Grid(tuple(shape[::-1]), spacing_mm[::-1], (0.0, 0.0, 0.0), _AXES, n_dimensions=n_dimensions, notes=notes)


def _spacing_beside(file: Path) -> tuple[tuple[float, ...], tuple[str, ...]]:
    """Spacing along (Z, Y, X) from the file that nnU-Net writes beside a TIFF."""
    beside = file.with_suffix(".json")
    if not beside.is_file():  # the name of an image ends with the channel number
        beside = file.with_name(f"{_CHANNEL.sub('', file.stem)}.json")
    if not beside.is_file():
        return (1.0, 1.0, 1.0), (f"{beside.name} is missing: distances are in voxels",)
    try:
        spacing = tuple(float(step) for step in read_json_file(beside)["spacing"])
    except (ValueError, KeyError, TypeError, OverflowError):
        spacing = ()
    if len(spacing) != 3 or not all(np.isfinite(step) and step > 0 for step in spacing):
        raise UserError(f"expected a spacing of 3 positive numbers in {beside.name}")
    return spacing, ()
