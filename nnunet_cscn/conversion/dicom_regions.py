"""Make the voxels of one region of interest, and report contours that were not used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nnunet_cscn.conversion.moved_masks import moved_mask
from nnunet_cscn.conversion.slice_gaps import empty_slices, filled_by_shape, slice_list
from nnunet_cscn.dicom.drawing import Drawing
from nnunet_cscn.dicom.plane_placing import placed
from nnunet_cscn.dicom.rasterise import SAME_PLANE, Filling, fill_contours
from nnunet_cscn.dicom.segments import Segments
from nnunet_cscn.dicom.series import ImageSeries
from nnunet_cscn.dicom.stack import Floats, Stack
from nnunet_cscn.dicom.structures import RegionContours, StructureSet
from nnunet_cscn.errors import UserError
from nnunet_cscn.texts import counted

Mask = NDArray[np.bool_]
TRACE = 0.01  # share of a region's area that may be lost without a refusal
MOST_OUTSIDE = 0.5  # share of a region that may lie outside the images without a refusal
_ALLOW = "; add allow_loss=True to convert the rest"


@dataclass(frozen=True)
class Handling:
    """Options for regions that do not lie on the voxels of their series.

    Attributes:
        resample: Bring regions that were drawn on another grid or series onto the images.
        interpolate: Fill slices without a contour between slices with one.
        allow_loss: Convert a region of which a part cannot be used.
    """

    resample: bool = False
    interpolate: bool = False
    allow_loss: bool = False


def region_mask(
    drawing: Drawing, name: str, drawn_on: ImageSeries, target: ImageSeries, handling: Handling
) -> tuple[Mask, list[str]]:
    """Return the voxels of a region on a series, shape (slices, rows, columns), and notes for the report.

    The notes name every part of the region that is not used.

    Args:
        drawing: The file that holds it.
        name: The region.
        drawn_on: The series that it was drawn on.
        target: The series whose voxels are wanted; mostly the same.
        handling: Options for a region that does not lie on the voxels.

    Raises:
        UserError: When it lies on another grid or is empty, or more than a trace of it would be lost.
    """
    if isinstance(drawing, StructureSet):
        mask, notes = _from_contours(drawing.regions[name], drawn_on.stack, handling)
    elif isinstance(drawing, Segments):
        mask, notes = _from_segment(drawing, name, drawn_on, handling)
    else:
        raise TypeError(f"{type(drawing).__name__}: neither contours nor segments")
    gaps, n_between = empty_slices(mask)
    if gaps:
        notes.append(f"{len(gaps)} of {n_between} slices in between carry no contour ({slice_list(gaps)})")
        if handling.interpolate:
            mask, filled = filled_by_shape(mask, drawn_on.stack.pixel_spacing_mm)
            notes.append(f"{len(filled)} of them were filled by interpolation")
    if target != drawn_on:
        before = int(mask.sum()) * float(np.prod(drawn_on.stack.grid().spacing_mm)) / 1000
        mask, outside = moved_mask(mask, drawn_on.stack.grid(), target.stack.grid())
        after = int(mask.sum()) * float(np.prod(target.stack.grid().spacing_mm)) / 1000
        modality = drawn_on.modality or "another"
        notes.append(f"was drawn on the {modality} series and resampled ({before:.3f} ml before, {after:.3f} ml after)")
        notes += _outside(outside, "", handling)
    if not mask.any():
        raise UserError("the contours contain no voxel centre; they are too small for this image")
    return mask, notes


def _from_contours(region: RegionContours, stack: Stack, handling: Handling) -> tuple[Mask, list[str]]:
    notes = _unused(region, stack, handling)
    if not region.closed:
        raise UserError(f"the ROI has no closed contours: {'; '.join(notes) or 'nothing is drawn in it'}")
    filling = fill_contours(region.closed, stack, exclusive=region.exclusive, cut=handling.allow_loss)
    if region.n_untyped:
        notes.append(f"{counted(region.n_untyped, 'contour')} without a type were filled as closed ones")
    notes += _remarks(filling, stack)
    if filling.outside:
        notes += _outside(filling.outside, f" (up to {filling.outside_mm:.1f} mm)", handling)
    return filling.mask, notes


def _unused(region: RegionContours, stack: Stack, handling: Handling) -> list[str]:
    """Report contours that enclose nothing. Refuse the case if they would have enclosed more than 1 % of the region."""
    if not region.unused:
        return []
    parts = []
    for kind, count in Counter(contour.kind for contour in region.unused).items():
        numbers = {_nearest_slice(contour.points, stack) for contour in region.unused if contour.kind == kind}
        parts.append(f"{count} {kind} ({slice_list(sorted(numbers))})")
    lost = sum(_area_mm2(contour.points) for contour in region.unused)
    share = lost / (lost + sum(map(_area_mm2, region.closed))) if lost else 0.0
    text = f"contours that enclose nothing were not used: {', '.join(parts)}"
    if share > TRACE and not handling.allow_loss:
        raise UserError(
            f"the ROI has contours that are not closed: {', '.join(parts)}; with them {100 * share:.0f} % of its area "
            f"would be lost{_ALLOW if region.closed else ''}"
        )
    return [text]


def _remarks(filling: Filling, stack: Stack) -> list[str]:
    remarks = []
    spacing = stack.slice_spacing_mm
    if filling.joined:
        remarks.append(f"contours that cross each other were joined ({slice_list(filling.joined)})")
    if filling.holes:
        remarks.append(f"contours inside others were taken as holes ({slice_list(filling.holes)})")
    if filling.too_small:
        remarks.append(f"contours too small to hold a voxel centre ({slice_list(filling.too_small)})")
    if filling.offset_mm > min(SAME_PLANE * spacing, 0.1):
        remarks.append(
            f"contours lie up to {filling.offset_mm:.2g} mm off the slices, which are {spacing:.4g} mm apart; each was "
            "assigned to the nearest slice"
        )
    if filling.between:
        remarks.append(
            f"{counted(filling.between, 'contour')} on planes between the slices not used: another plane is nearer to "
            f"the slice (slices are {spacing:.4g} mm apart)"
        )
    if filling.beyond:
        remarks.append(
            f"{counted(filling.beyond, 'contour')} up to {filling.beyond_mm:.1f} mm before the first or behind the "
            "last slice not used"
        )
    return remarks


def _outside(share: float, how_far: str, handling: Handling) -> list[str]:
    """Report the part that lies outside the images. Refuse the case if it is most of the region."""
    if share > MOST_OUTSIDE and not handling.allow_loss:
        raise UserError(f"{100 * share:.0f} % of the ROI lies outside the images{how_far}{_ALLOW}")
    return [f"{100 * share:.2g} % of it lies outside the images{how_far} and was cut off"] if share > 0 else []


def _from_segment(segments: Segments, name: str, series: ImageSeries, handling: Handling) -> tuple[Mask, list[str]]:
    planes = segments.planes(name)
    if not planes:
        raise UserError("the ROI has no contours")
    if on_voxels := placed(planes, series.stack.grid(), segments.slice_spacing_mm):
        return on_voxels.mask, _outside(on_voxels.outside, "", handling)
    stored, grid = segments.mask(name)
    moved, outside = moved_mask(stored, grid, series.stack.grid())
    before = int(stored.sum()) * float(np.prod(grid.spacing_mm)) / 1000
    after = int(moved.sum()) * float(np.prod(series.stack.grid().spacing_mm)) / 1000
    if not handling.resample:
        spacing, images = (
            " x ".join(f"{step:.4g}" for step in each.spacing_mm) for each in (grid, series.stack.grid())
        )
        remedy = "add resample=True to resample it to the grid of the image" if moved.any() else "check the images"
        raise UserError(
            f"the segment has a different grid (voxels of {spacing} mm, the image has {images} mm; "
            f"{100 * (1 - outside):.0f} % of it lie inside the image): {remedy}"
        )
    return moved, [
        f"was resampled ({before:.3f} ml before, {after:.3f} ml after)",
        *_outside(outside, "", handling),
    ]


def _nearest_slice(points: Floats, stack: Stack) -> int:
    height = float(np.median(stack.heights_mm(points)))
    return int(np.abs(np.asarray(stack.positions_mm) - height).argmin())


def _area_mm2(points: Floats) -> float:
    """Return the area that points in space enclose; 0 for points and lines."""
    relative = points - points[0]
    return 0.5 * float(np.linalg.norm(np.cross(relative, np.roll(relative, -1, axis=0)).sum(axis=0)))


def named(name: str, do: Callable[[], tuple[Mask, list[str]]]) -> tuple[Mask, list[str]]:
    """Put the name of a region before its notes and errors.

    Raises:
        UserError: As ``do`` raises it, with the name.
    """
    try:
        mask, notes = do()
    except UserError as fault:
        raise UserError(f"{name}: {fault}") from None
    return mask, [f"{name}: {note}" for note in notes]
