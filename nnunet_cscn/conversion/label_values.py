"""Check the values of label maps and masks, and convert them to labels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnunet_cscn.errors import UserError
from nnunet_cscn.formats.digits import shown_value
from nnunet_cscn.formats.volume import LARGEST_LABEL
from nnunet_cscn.texts import counted

ROUNDING = 1e-3
"""Largest distance from a whole number that is rounded: the error of scaling and of 32-bit numbers."""

_FLOAT_ERROR = 1e-6  # so that 1.001 is within 0.001 in 32 bits too
_NEAR_AN_END = 0.01  # values within this share of the range count as imprecise background or foreground
_SOFT_TOPS = (1.0, 255.0)  # maximum of masks with fractions


def whole_numbers(
    voxels: NDArray[Any], what: str, *, nan_as_background: bool = False
) -> tuple[NDArray[Any], list[str]]:
    """Return the values of a label map as whole numbers.

    Args:
        voxels: The label map, of any type.
        what: Name of the label map in messages.
        nan_as_background: Whether NaN and infinity become 0. Otherwise they are an error.

    Returns:
        The values as integers, and notes on rounded and replaced values.

    Raises:
        UserError: When a value is more than 0.001 away from a whole number (the message shows its digits), or larger
            than a label can be.

    Example:
        >>> whole_numbers(np.array([0, 0.99999, 2], np.float32), "the label map")[0].tolist()
        [0, 1, 2]
    """
    if voxels.dtype.kind in "iub":
        return voxels, []
    notes = list[str]()
    is_finite = np.isfinite(voxels)
    if not is_finite.all():
        n_odd = int(np.count_nonzero(~is_finite))
        if not nan_as_background:
            first = voxels[~is_finite].flat[0]
            raise UserError(
                f"{what} contains {shown_value(first)} in {_voxels(n_odd)}; expected only whole numbers: write 0 for "
                "the background in the source, or add nan=0"
            )
        voxels = np.where(is_finite, voxels, 0)
        notes.append(f"{_voxels(n_odd)} of {what} without a finite number became background")
    if (largest := np.abs(voxels).max(initial=0)) > LARGEST_LABEL:
        raise UserError(
            f"{what} contains values of up to {shown_value(largest)}; expected labels of up to {LARGEST_LABEL}: "
            "correct the voxels, or the scaling in the header (scl_slope)"
        )
    rounded = np.rint(voxels)
    distance = np.abs(voxels - rounded)
    if (odd := distance > ROUNDING + _FLOAT_ERROR).any():
        raise UserError(f"{what} contains {_listed(np.unique(voxels[odd]))}; expected only whole numbers")
    if (inexact := distance > 0).any():
        shown = _listed(np.unique(voxels[inexact]))
        notes.append(f"{_voxels(int(np.count_nonzero(inexact)))} of {what} with values such as {shown} were rounded")
    return rounded.astype(np.int64), notes


def as_labels(
    voxels: NDArray[Any], values: Mapping[int, int], what: str, *, nan_as_background: bool = False
) -> tuple[NDArray[np.uint8], list[str]]:
    """Return a label map with the values of the data set.

    Args:
        voxels: The label map.
        values: For each value of the source, its value in the data set, from 0 to 255.
        what: Name of the label map in messages.
        nan_as_background: Whether NaN and infinity become 0. Otherwise they are an error.

    Returns:
        The label map, and notes as from ``whole_numbers``.

    Raises:
        UserError: When there are other values, and as for ``whole_numbers``.

    Example:
        >>> as_labels(np.array([0, 205, 420]), {0: 0, 205: 1, 420: 2}, "the label map")[0].tolist()
        [0, 1, 2]
    """
    whole, notes = whole_numbers(voxels, what, nan_as_background=nan_as_background)
    present = [int(value) for value in np.unique(whole)]
    if foreign := [value for value in present if value not in values]:
        raise UserError(f"{what} contains {_listed(foreign)}; expected only {', '.join(map(str, values))}")
    labels = np.zeros(whole.shape, np.uint8)
    for value in present:
        if values[value]:
            labels[whole == value] = values[value]
    return labels, notes


def unchanged(values: Iterable[int]) -> dict[int, int]:
    """Return a mapping for ``as_labels`` that keeps all values."""
    return {value: value for value in values}


def as_mask(
    voxels: NDArray[Any], what: str = "a mask", *, nan_as_background: bool = False
) -> tuple[NDArray[np.bool_], list[str]]:
    """Return the foreground of a mask. The values decide, not the data type.

    Two values, such as 0 and 1 or 0 and 255, are background and foreground. More values from 0 to at most 1 (or 0 to
    255), as from interpolation, are fractions: values above one half are foreground. Where there is no 0, nothing says
    what the background is: the mask is refused.

    Args:
        voxels: The mask, of any type.
        what: Name of the mask in messages.
        nan_as_background: Whether NaN and infinity become background. Otherwise they are an error.

    Returns:
        The mask, and notes on values between background and foreground and on replaced values.

    Raises:
        UserError: When the mask contains more than two whole numbers, like a label map, other values between background
            and foreground, or fractions without a 0, or without one above one half. The message shows them.

    Example:
        >>> as_mask(np.array([0.0, 0.25, 0.75, 1.0]))[0].tolist()
        [False, False, True, True]
    """
    notes = list[str]()
    is_finite = np.isfinite(voxels) if voxels.dtype.kind == "f" else np.ones(voxels.shape, np.bool_)
    if not is_finite.all():
        n_odd = int(np.count_nonzero(~is_finite))
        if not nan_as_background:
            raise UserError(
                f"{what} contains values that are not finite numbers (NaN or infinity) in {_voxels(n_odd)}: write 0 "
                "for the background in the source, or add nan=0"
            )
        notes.append(f"{_voxels(n_odd)} of {what} without a finite number became background")
        voxels = np.where(is_finite, voxels, 0)
    values = np.unique(voxels)
    if are_whole := _are_whole(values):
        values = np.unique(np.rint(values))
    if are_whole and len(values) > 2:
        raise UserError(f"{what} has the values {_listed(values[:5])}; expected two values, so this is a label map")
    low, high = float(values[0]), float(values[-1])
    has_background = abs(low - round(low)) <= max(ROUNDING, _NEAR_AN_END * (high - low))
    if not are_whole and low > 0 and not has_background:
        raise UserError(_not_a_mask(values, what))
    if low == high:
        return np.full(voxels.shape, low > 0), notes
    if len(values) == 2:
        return voxels > (low + high) / 2, notes
    half = 0.5 if _are_fractions(low, high) else (low + high) / 2
    if half >= high:
        raise UserError(_not_a_mask(values[values > ROUNDING], what))
    return voxels > half, [*notes, _note_on_shares(voxels, values, half, what)]


def _are_fractions(low: float, high: float) -> bool:
    return abs(low) <= ROUNDING and high <= 1 + ROUNDING


def _note_on_shares(voxels: NDArray[Any], values: NDArray[Any], half: float, what: str) -> str:
    """Return a note on values between background and foreground. Raise an error if their meaning is not clear."""
    low, high = float(values[0]), float(values[-1])
    margin = _NEAR_AN_END * (high - low)
    between = values[(values > low + margin) & (values < high - margin)]
    is_soft = low >= -ROUNDING and any(abs(high - top) <= ROUNDING * top for top in _SOFT_TOPS)
    if between.size and not is_soft and not _are_fractions(low, high):
        raise UserError(
            f"{what} has values between {low:g} and {high:g}, such as {_listed(between[:5])}; expected two values. It "
            "looks like an interpolated label map: resample it with the nearest neighbour"
        )
    n_between = int(np.count_nonzero((voxels != low) & (voxels != high)))
    return f"{_voxels(n_between)} of {what} between {low:g} and {high:g}: foreground is what exceeds {half:g}"


def _not_a_mask(odd: NDArray[Any], what: str) -> str:
    return (
        f"{what} contains {_listed(odd[:5])}; expected two whole numbers, such as 0 and 1: if it is a map of "
        "probabilities, store 1 where it exceeds 0.5, and 0 elsewhere"
    )


def _are_whole(values: NDArray[Any]) -> bool:
    return (
        bool((np.abs(values - np.rint(values)) <= ROUNDING + _FLOAT_ERROR).all()) if values.dtype.kind == "f" else True
    )


def _voxels(count: int) -> str:
    return counted(count, "voxel")


def _listed(values: Iterable[Any]) -> str:
    """Return at most five values as text, with the digits that differ from whole numbers."""
    shown = list(dict.fromkeys(shown_value(value) for value in values))
    return ", ".join([*shown[:5], "..."] if len(shown) > 5 else shown)
