"""Read Kaggle's "LGG Segmentation Dataset": for each patient a folder of RGB TIFF slices, each with a mask."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.TiffImagePlugin import BITSPERSAMPLE, TiffImageFile

from nnunet_cscn.conversion.label_values import as_mask
from nnunet_cscn.conversion.source_case import LoadedCase, SourceCase
from nnunet_cscn.errors import UserError
from nnunet_cscn.nifti.grids import Grid

PIXEL_MM = 1.0
"""Nominal pixel size, before 2x2 pixels are averaged."""
HEIGHT_MM = 140.0
"""Nominal height of all slices of a patient together."""

_TIFF_ENDINGS = (".tif", ".tiff")
_FILE = re.compile(r"(?P<case>.+)_(?P<number>\d+)(?P<mask>_mask)?\.tif")
_EXAMPLE = "TCGA_CS_4941_19960909"


def find_cases(source: Path) -> list[SourceCase]:
    """List the patients of the download. Each is a case with the name of its folder.

    The download contains the same folders twice (``kaggle_3m`` and ``lgg-mri-segmentation/kaggle_3m``). The less nested
    copy is used.

    Args:
        source: ``kaggle_3m``, or any folder above it.

    Raises:
        UserError: When it contains no patient.
    """
    source = source.resolve()  # "." has no name
    folders = {file.parent for file in source.rglob("*.tif") if not file.name.startswith(".")}
    folders |= {folder for folder in source.rglob("TCGA_*") if folder.is_dir()}  # without slices: reported too
    patients = dict[str, Path]()
    for folder in sorted(folders, key=lambda folder: (len(folder.parts), folder)):
        if "__MACOSX" not in folder.parts:
            patients.setdefault(folder.name, folder)
    if not patients:
        raise UserError(
            f"{source}: expected folders images and labels, or slices such as {_EXAMPLE}/{_EXAMPLE}_1.tif; found none"
        )
    return [SourceCase(name, name, partial(_load, folder)) for name, folder in sorted(patients.items())]


def _load(folder: Path) -> LoadedCase:
    """Read the slices, and average 2x2 pixels.

    Images are rounded to the nearest integer, halves to the even one. A pixel is tumour if at least half of its area
    is tumour: otherwise thin parts would vanish.
    """
    slices, masks = _files_by_number(folder)
    _check_numbers(slices, masks)
    order = sorted(slices)
    images = [_read_image(slices[number]) for number in order]
    targets = [_read_mask(masks[number]) for number in order]
    sizes = sorted({f"{array.shape[1]}x{array.shape[0]}" for array in (*images, *targets)})
    if len(sizes) > 1:
        raise UserError(f"slices and masks have different sizes: {', '.join(sizes)}")
    rows, columns = targets[0].shape
    if rows % 2 or columns % 2:
        raise UserError(f"slices have {sizes[0]} pixels; expected even numbers, because 2x2 pixels are averaged")
    grid = nominal_grid(columns // 2, rows // 2, len(order))
    marked, notes = as_mask(np.stack(targets), "the mask")
    channels = [np.rint(_averaged(channel)).astype(np.uint8) for channel in np.moveaxis(np.stack(images), -1, 0)]
    return LoadedCase(channels, (_averaged(marked) >= 0.5).astype(np.uint8), grid, tuple(notes))


def nominal_grid(n_columns: int, n_rows: int, n_slices: int) -> Grid:
    """Return the grid of averaged slices: pixels of 2 mm, and a height of 140 mm for all slices together.

    The spacing of the slices is rounded to 0.01 mm. All sizes are nominal, because the download contains no spacing.

    Example:
        >>> nominal_grid(128, 128, 23).spacing_mm
        (2.0, 2.0, 6.09)
    """
    spacing_mm = (2 * PIXEL_MM, 2 * PIXEL_MM, round(HEIGHT_MM / n_slices, 2))
    origin_mm = (PIXEL_MM / 2, PIXEL_MM / 2, 0.0)  # between the first two pixels of the download
    return Grid((n_columns, n_rows, n_slices), spacing_mm, origin_mm, (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0))


def _files_by_number(folder: Path) -> tuple[dict[int, Path], dict[int, Path]]:
    """Return slices and masks by the number in their name."""
    slices, masks = dict[int, Path](), dict[int, Path]()
    for file in sorted(folder.iterdir()):
        if file.name.startswith(".") or file.suffix.lower() not in _TIFF_ENDINGS:
            continue
        parts = _FILE.fullmatch(file.name)
        if parts is None or parts["case"] != folder.name:
            raise UserError(f"{file.name}: expected names such as {folder.name}_1.tif and {folder.name}_1_mask.tif")
        group, number = masks if parts["mask"] else slices, int(parts["number"])
        if number in group:
            raise UserError(f"{group[number].name} and {file.name} have the same number")
        group[number] = file
    return slices, masks


def _check_numbers(slices: dict[int, Path], masks: dict[int, Path]) -> None:
    if not slices:
        raise UserError("the case folder contains no slices")
    numbers = range(min(1, *slices), max(slices) + 1)
    for fault, at in (
        ("masks without a slice", sorted(masks.keys() - slices.keys())),
        ("slices are missing", (number for number in numbers if number not in slices)),
        ("slices without a mask", sorted(slices.keys() - masks.keys())),
    ):
        if first := list(islice(at, 6)):
            raise UserError(f"{fault}: {_listed(first)}")


def _listed(numbers: Iterable[int]) -> str:
    names = [*map(str, numbers)]
    return ", ".join([*names[:5], "..."] if len(names) > 5 else names)


def _read_image(file: Path) -> NDArray[np.uint8]:
    """Pixels, shape (rows, columns, 3)."""
    pixels, kind = _read(file)
    if kind != "RGB of 8 bits":
        raise UserError(f"{file.name}: expected RGB of 8 bits, got {kind}")
    return pixels


def _read_mask(file: Path) -> NDArray[Any]:
    """Pixels, shape (rows, columns)."""
    pixels, kind = _read(file)
    if kind not in ("L of 8 bits", "1 of 1 bits"):
        raise UserError(f"{file.name}: expected a mask of one channel of 8 bits, got {kind}")
    return pixels


def _read(file: Path) -> tuple[NDArray[Any], str]:
    """Return the pixels and their format in words. (Pillow silently converts 16 bits to 8.)"""
    try:
        with Image.open(file, formats=["TIFF"]) as image:
            assert isinstance(image, TiffImageFile)
            if image.n_frames > 1:
                raise UserError(f"{file.name}: expected one image, the file contains {image.n_frames}")
            bits = "/".join(sorted({str(bits) for bits in image.tag_v2.get(BITSPERSAMPLE, (1,))}))
            image.load()
            return np.asarray(image), f"{image.mode} of {bits} bits"
    except OSError:
        raise UserError(f"{file.name}: the file is damaged or is not a TIFF file; restore it") from None


def _averaged(volume: NDArray[Any]) -> NDArray[np.float64]:
    """Average 2x2 pixels of every slice, (Z, Y, X) to (Z, Y / 2, X / 2)."""
    n_slices, rows, columns = volume.shape
    average: NDArray[np.float64] = volume.reshape(n_slices, rows // 2, 2, columns // 2, 2).mean(axis=(2, 4))
    return average
