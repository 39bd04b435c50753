"""Slices of a case for scrolling in the report: images and contours in three views."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage.measure import find_contours

from nnunet_cscn.metrics.masks import Mask, common_bounding_box
from nnunet_cscn.report.oriented import VIEWS, OrientedVolume, grey_range, largest_slices, view_axes, view_slice

MARGIN_MM = 25.0  # margin around the contours, in the slice
MARGIN_ALONG_MM = 6.0  # margin around the contours, across the slices
MAX_SLICES = 48  # per view; more slices would make the report slow on a phone
MAX_PIXELS = 384  # per side of an image
JPEG_QUALITY = 82


@dataclass(frozen=True)
class Slice:
    """One slice of a view.

    Attributes:
        number: Number of the slice in the volume, counted from 1.
        picture: The image as a data URI. Empty without image.
        reference: The reference contours as an SVG path in mm.
        prediction: The predicted contours, likewise.
    """

    number: int
    picture: str
    reference: str
    prediction: str


@dataclass(frozen=True)
class PagedView:
    """One view of a case.

    Attributes:
        name: Axial, coronal or sagittal.
        width_mm: Width of the pictures.
        height_mm: Height of the pictures.
        n_slices: Number of slices of the whole volume in this view.
        start: Index of the slice to show first.
        slices: The slices in the report.
    """

    name: str
    width_mm: float
    height_mm: float
    n_slices: int
    start: int
    slices: tuple[Slice, ...]

    def to_json(self) -> dict[str, Any]:
        """Return everything for a JSON file."""
        return asdict(self)


def paged_views(
    reference: Mask, prediction: Mask, spacing_mm: Sequence[float], *, image: OrientedVolume | None
) -> list[PagedView]:
    """Return the three views of a case, cropped to the contours with a margin.

    Args:
        reference: Reference mask in standard orientation, shape (Z, Y, X).
        prediction: Predicted mask, likewise.
        spacing_mm: Size of a voxel along (Z, Y, X).
        image: The image on the same grid. None for contours without image.

    Returns:
        One view for each axis. An empty list if both masks are empty.
    """
    box = common_bounding_box(reference, prediction)
    if box is None:
        return []
    around = _enlarged(box, spacing_mm, MARGIN_MM, reference.shape)
    along = _enlarged(box, spacing_mm, MARGIN_ALONG_MM, reference.shape)
    window = grey_range(image.voxels[around]) if image is not None else None
    middle = largest_slices(reference if reference.any() else prediction)
    views = []
    for normal, name in enumerate(VIEWS):
        cut = tuple(slice(None) if axis == normal else part for axis, part in enumerate(around))
        n_rows, n_columns = view_axes([part.stop - part.start for part in around], normal)
        row_mm, column_mm = view_axes(spacing_mm, normal)
        numbers = _evenly_spaced(along[normal], middle[normal])
        slices = tuple(
            Slice(
                number=index + 1,
                picture=_picture(view_slice(image.voxels[cut], normal, index), window) if image and window else "",
                reference=_path(view_slice(reference[cut], normal, index), (row_mm, column_mm)),
                prediction=_path(view_slice(prediction[cut], normal, index), (row_mm, column_mm)),
            )
            for index in numbers
        )
        start = min(range(len(numbers)), key=lambda place: abs(numbers[place] - middle[normal]))
        size_mm = round(n_columns * column_mm, 2), round(n_rows * row_mm, 2)
        views.append(PagedView(name, *size_mm, reference.shape[normal], start, slices))
    return views


def _enlarged(
    box: Sequence[slice], spacing_mm: Sequence[float], margin_mm: float, shape: Sequence[int]
) -> tuple[slice, ...]:
    margins = [math.ceil(margin_mm / step) for step in spacing_mm]
    return tuple(
        slice(max(part.start - margin, 0), min(part.stop + margin, edge))
        for part, margin, edge in zip(box, margins, shape, strict=True)
    )


def _evenly_spaced(along: slice, middle: int) -> list[int]:
    """Return the slices to show: all, or evenly spaced slices that include ``middle``."""
    step = math.ceil((along.stop - along.start) / MAX_SLICES)
    return list(range(along.start + (middle - along.start) % step, along.stop, step))


def _picture(voxels: NDArray[Any], window: tuple[float, float]) -> str:
    low, high = window
    shades = np.nan_to_num((voxels.astype(np.float32) - low) / (high - low)).clip(0, 1) * 255
    picture = Image.fromarray(shades.astype(np.uint8))
    if max(picture.size) > MAX_PIXELS:  # shrink only long sides: with thick slices, every row is needed
        picture = picture.resize((min(picture.width, MAX_PIXELS), min(picture.height, MAX_PIXELS)))
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=JPEG_QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode("ascii")


def _path(mask: Mask, pixel_mm: tuple[float, float]) -> str:
    """Return the outlines of a mask as an SVG path in mm. The origin is the outer corner of pixel (0, 0)."""
    if not mask.any():
        return ""
    lines, digits = [], max(1, math.ceil(-math.log10(min(pixel_mm) / 5)))
    for outline in find_contours(np.pad(mask, 1).astype(np.float32), 0.5):
        rows, columns = ((outline[:, axis] - 0.5) * pixel_mm[axis] for axis in range(2))
        pairs = zip(columns[:-1], rows[:-1], strict=True)  # the last point repeats the first
        points = " ".join(f"{x:.{digits}f},{y:.{digits}f}" for x, y in pairs)
        lines.append(f"M{points}Z")
    return "".join(lines)
