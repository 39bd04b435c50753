"""Which series of a folder are predicted: one for each channel of the model, listed where they have to be chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nnunet_cscn.dicom.extra import needs_dicom_extra
from nnunet_cscn.dicom.wording import damaged_files
from nnunet_cscn.errors import ArgumentError

if TYPE_CHECKING:
    from nnunet_cscn.dicom.series import ImageSeries

# Modality that a channel of this name is of; other names, such as T1, tell nothing for sure.
_MODALITIES = {"CT": "CT", "PET": "PT", "PT": "PT", "MR": "MR"}


def chosen_series(
    folder: Path, numbers: Sequence[int], channels: Sequence[str], *, on_note: Callable[[str], None] = lambda note: None
) -> list[ImageSeries]:
    """Return the series of a folder that a model's channels are.

    Args:
        folder: Any mess of folders and files.
        numbers: Which ones of those that are listed, in the order of the channels; none where there is no choice.
        channels: Names of the model's channels.
        on_note: Called with what was passed over and what is unusual about a series, a line each.

    Raises:
        UserError: When there is no series, they have to be chosen, one is of another modality than its channel, or they
            are of different patients or frames of reference.
    """
    usable, problems = _usable_series(folder, on_note)
    if not numbers and len(usable) == len(channels) == 1:
        numbers = [1]
    if len(numbers) != len(channels) or not all(1 <= number <= len(usable) for number in numbers):
        raise ArgumentError("series", _choice(folder, usable, problems, channels))
    chosen = {number: usable[number - 1] for number in numbers}
    if len(chosen) < len(numbers):
        raise ArgumentError("series", "the same series is given twice: choose a different series for each channel")
    _check_together(list(chosen.values()), channels)
    for number, series in chosen.items():
        if series.notes:
            on_note(f"series {number}: {'; '.join(series.notes)}")
    return list(chosen.values())


def _usable_series(folder: Path, on_note: Callable[[str], None]) -> tuple[list[ImageSeries], dict[str, str]]:
    """All series but localisers, and why others can't be used."""
    with needs_dicom_extra():
        from nnunet_cscn.dicom.headers import read_headers
        from nnunet_cscn.dicom.series import image_series
    if not folder.is_dir():
        raise ArgumentError("images", f"folder not found: {folder}")
    damaged = list[Path]()
    found, problems = image_series(read_headers(folder, on_damaged=damaged.append))
    if damaged:
        on_note(damaged_files(len(damaged)))
    usable = [series for series in found if not series.is_localiser]
    if not usable:
        raise ArgumentError("images", "; ".join([f"{folder} contains no image series", *problems.values()]))
    return usable, problems


def _check_together(chosen: Sequence[ImageSeries], channels: Sequence[str]) -> None:
    for name, series in zip(channels, chosen, strict=True):
        expected = _MODALITIES.get(name.upper())
        if expected is not None and series.modality not in ("", expected):
            found_one = f"channel {name} of the model needs modality {expected}, but the series has {series.modality}"
            raise ArgumentError("series", f"{found_one}: choose another series")
    if len({series.patient for series in chosen}) > 1:
        raise ArgumentError("series", "the chosen series are from different patients: choose series of one patient")
    if len({series.frame_of_reference for series in chosen} - {""}) > 1:
        raise ArgumentError("series", "the chosen series have different frames of reference: register them first")


def _choice(folder: Path, usable: Sequence[ImageSeries], problems: Mapping[str, str], channels: Sequence[str]) -> str:
    """All series, and how to choose; their descriptions stay out, as they may name anybody."""
    how = "one by its number"
    if len(channels) > 1:
        how = f"one number for each channel, in this order: {', '.join(channels)}"
    lines = [f"{number}: {_described(series)}" for number, series in enumerate(usable, start=1)]
    lines += [f"not usable: {reason}" for reason in problems.values()]
    return "\n  ".join([f"{folder} contains {len(usable)} series; choose {how}:", *lines])


def _described(series: ImageSeries) -> str:
    slices, rows, columns = series.stack.shape
    row_step, column_step = series.stack.pixel_spacing_mm
    parts = [
        series.modality or "no modality",
        series.stack.plane,
        f"{slices} slices of {rows} x {columns}",
        f"{series.stack.slice_spacing_mm:.3g} x {row_step:.3g} x {column_step:.3g} mm",
    ]
    if series.echo_time_ms is not None:
        parts.append(f"echo time {series.echo_time_ms:g} ms")
    if series.part:
        parts.append(series.part)
    if "DERIVED" in series.kind:
        parts.append("derived")
    return ", ".join(parts)
