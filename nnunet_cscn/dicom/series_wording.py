"""How a series is described, so that people can tell it from others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnunet_cscn.texts import counted

if TYPE_CHECKING:
    from nnunet_cscn.dicom.series import ImageSeries


def series_in_words(series: ImageSeries) -> str:
    """Say what separates a series from others. Its description is left out, because it may contain names."""
    slices, rows, columns = series.stack.shape
    row_step, column_step = series.stack.pixel_spacing_mm
    parts = [
        series.modality or "no modality",
        series.stack.plane,
        f"{counted(slices, 'slice')} of {rows} x {columns}",
        f"{series.stack.slice_spacing_mm:.3g} x {row_step:.3g} x {column_step:.3g} mm",
    ]
    if series.echo_time_ms is not None and "echo time" not in series.part:
        parts.append(f"echo time {series.echo_time_ms:g} ms")
    if series.part:
        parts.append(series.part)
    if "DERIVED" in series.kind:
        parts.append("derived")
    return ", ".join(parts)


def series_with_description(series: ImageSeries) -> str:
    """Say what separates a series from others, with its descriptions, by which patterns find it."""
    return f"'{' / '.join(series.descriptions) or 'no description'}': {series_in_words(series)}"
