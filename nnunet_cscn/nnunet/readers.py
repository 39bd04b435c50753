"""nnU-Net's own readers of images and label maps."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

from nnunetv2.imageio.reader_writer_registry import recursive_find_reader_writer_by_name


def reader_class(name: str) -> type[Any] | None:
    """Return nnU-Net's reader of a name, such as ``Tiff3DIO``; None where nnU-Net has none."""
    try:
        found: type[Any] = recursive_find_reader_writer_by_name(name)
    except RuntimeError:
        return None
    return found


def read_label_map(reader: type[Any], file: Path) -> tuple[Any, dict[str, Any]]:
    """Read a label map as nnU-Net does, without what its readers print.

    Args:
        reader: What ``reader_class`` gave.
        file: The label map.

    Returns:
        Values of shape (1, Z, Y, X), and nnU-Net's properties, with ``spacing`` along (Z, Y, X).
    """
    with contextlib.redirect_stdout(io.StringIO()):
        voxels, properties = reader().read_seg(str(file))
    return voxels, properties
