"""The position of the pixels of parallel slices in the patient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nnunet_cscn.dicom.slice_line import allowed_deviation_mm, even_heights, slice_numbers
from nnunet_cscn.errors import UserError
from nnunet_cscn.nifti.grids import Grid

PARALLEL = 1e-3  # largest difference between the direction cosines of slices of one stack, because scanners round them

_SHOWN_GAPS = 3

Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class Stack:
    """The geometry of parallel slices in patient coordinates: mm towards left, posterior and head (LPS).

    Attributes:
        shape: Slices, rows and columns.
        origin_mm: Centre of the first pixel of the first slice.
        row_direction: Unit vector along a row, the direction of growing columns.
        column_direction: Unit vector down a column, the direction of growing rows.
        pixel_spacing_mm: Distance between rows and between columns, in the order of DICOM's PixelSpacing.
        positions_mm: Position of each slice along the normal, ascending. The first one is that of the origin.
    """

    shape: tuple[int, int, int]
    origin_mm: tuple[float, float, float]
    row_direction: tuple[float, float, float]
    column_direction: tuple[float, float, float]
    pixel_spacing_mm: tuple[float, float]
    positions_mm: tuple[float, ...]

    @property
    def normal(self) -> Floats:
        """Unit vector from slice to slice."""
        return np.cross(self.row_direction, self.column_direction)

    @property
    def plane(self) -> str:
        """The plane of the body that is nearest to the slices: axial, coronal or sagittal.

        Example:
            >>> Stack((1, 4, 4), (0, 0, 0), (1, 0, 0), (0, 0, -1), (1, 1), (0.0,)).plane
            'coronal'
        """
        return ("sagittal", "coronal", "axial")[int(np.abs(self.normal).argmax())]

    @property
    def slice_spacing_mm(self) -> float:
        """Median distance between neighbouring slices; 1 mm for a single slice."""
        if len(self.positions_mm) < 2:
            return 1.0
        return float(np.median(np.diff(self.positions_mm)))

    def gaps(self) -> list[str]:
        """Describe where slices are missing or unevenly spaced. A regular stack gives no text.

        Example:
            >>> stack = Stack((3, 4, 4), (0, 0, 0), (1, 0, 0), (0, 1, 0), (1, 1), (0.0, 3.0, 9.0))
            >>> stack.gaps()
            ['1 slice is missing between 3 and 9 mm (slices are 3 mm apart)']
        """
        heights = np.asarray(self.positions_mm)
        steps = np.diff(heights)
        if not steps.size:
            return []
        usual = float(np.min(steps)) if steps.size < 3 else self.slice_spacing_mm
        numbers = slice_numbers(heights, usual)
        _, deviation = even_heights(heights, numbers)
        allowed = allowed_deviation_mm(usual)
        if deviation > allowed:
            worst = int(np.abs(steps - usual * np.diff(numbers)).argmax())
            return [
                f"uneven slices between {heights[worst]:.5g} and {heights[worst + 1]:.5g} mm: slices deviate by up to "
                f"{deviation:.2g} mm from even steps of {usual:.5g} mm (accepted: {allowed:.2g} mm)"
            ]
        found = []
        for index in np.flatnonzero(np.diff(numbers) > 1):
            n_missing = int(numbers[index + 1] - numbers[index]) - 1
            found.append(
                f"{n_missing} slice{'s are' if n_missing > 1 else ' is'} missing between {heights[index]:.5g} and "
                f"{heights[index + 1]:.5g} mm (slices are {usual:.5g} mm apart)"
            )
        return found

    def grid(self) -> Grid:
        """Return the grid of a regular stack, in the order (x, y, z) of columns, rows and slices.

        Raises:
            UserError: When the slices are not evenly spaced, or there is only one, whose thickness nobody knows.
        """
        if len(self.positions_mm) < 2:
            raise UserError("the series has only one slice: add the other slices")
        if gaps := self.gaps():
            more = f"; and {len(gaps) - _SHOWN_GAPS} more such steps" if len(gaps) > _SHOWN_GAPS else ""
            is_missing = "missing" in gaps[0]
            remedy = "add the missing slices, or, if there are none, resample" if is_missing else "resample"
            raise UserError(f"{'; '.join(gaps[:_SHOWN_GAPS])}{more}: {remedy} the series to even steps first")
        slices, rows, columns = self.shape
        axes = np.stack([self.row_direction, self.column_direction, self.normal], axis=1)
        row_step, column_step = self.pixel_spacing_mm
        return Grid(
            shape=(columns, rows, slices),
            spacing_mm=(column_step, row_step, self._mean_spacing_mm()),
            origin_mm=self.origin_mm,
            direction=tuple(float(cosine) for cosine in axes.ravel()),
        )

    def pixel_coordinates(self, points_mm: ArrayLike) -> Floats:
        """Return columns and rows of points, 0 at the centre of the first pixel, shape (N, 2)."""
        relative = np.asarray(points_mm, dtype=np.float64).reshape(-1, 3) - self.origin_mm
        row_step, column_step = self.pixel_spacing_mm
        return np.stack(
            [relative @ self.row_direction / column_step, relative @ self.column_direction / row_step], axis=1
        )

    def heights_mm(self, points_mm: ArrayLike) -> Floats:
        """Return the positions of points along the normal, on the scale of ``positions_mm``, shape (N,)."""
        relative = np.asarray(points_mm, dtype=np.float64).reshape(-1, 3) - self.origin_mm
        heights: Floats = relative @ self.normal + self.positions_mm[0]
        return heights

    def points_mm(self, columns: ArrayLike, rows: ArrayLike, index: int) -> Floats:
        """Return the patient coordinates of pixels of one slice, shape (N, 3).

        Args:
            columns: Columns, 0 at the centre of the first pixel.
            rows: Rows, 0 at the centre of the first pixel.
            index: Index of the slice.
        """
        row_step, column_step = self.pixel_spacing_mm
        along = np.outer(np.asarray(columns, dtype=np.float64) * column_step, self.row_direction)
        down = np.outer(np.asarray(rows, dtype=np.float64) * row_step, self.column_direction)
        height = self.positions_mm[index] - self.positions_mm[0]
        points: Floats = np.asarray(self.origin_mm) + along + down + height * self.normal
        return points

    def _mean_spacing_mm(self) -> float:
        n_steps = len(self.positions_mm) - 1
        return (self.positions_mm[-1] - self.positions_mm[0]) / n_steps if n_steps else self.slice_spacing_mm


def checked_directions(cosines: Sequence[float]) -> tuple[Floats, Floats]:
    """Return DICOM's ImageOrientationPatient as two unit vectors: along a row, and down a column.

    Raises:
        UserError: When these are not two perpendicular directions.
    """
    values = np.asarray(cosines, dtype=np.float64)
    if values.shape != (6,) or not np.isfinite(values).all():
        raise UserError(f"ImageOrientationPatient: expected 6 numbers, got {list(cosines)}")
    along, down = values[:3], values[3:]
    lengths = np.linalg.norm(along), np.linalg.norm(down)
    if min(lengths) < 0.9 or max(lengths) > 1.1 or abs(along @ down) > 0.01:
        raise UserError(f"ImageOrientationPatient: expected two perpendicular directions, got {list(cosines)}")
    along = along / lengths[0]
    down = down - (down @ along) * along  # rounding aside, they are perpendicular
    return along, down / np.linalg.norm(down)
