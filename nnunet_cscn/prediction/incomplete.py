"""Find incomplete predictions, which a killed process leaves."""

from __future__ import annotations

import pickletools
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nnunet_cscn.formats.whole_exports import is_readable


def remove_incomplete(folder: Path, cases: Iterable[str], file_ending: str, reader: Any) -> None:
    """Remove incomplete predictions. nnU-Net would keep them, because it only checks that a file exists.

    Args:
        folder: Folder of the predictions.
        cases: Names of the cases.
        file_ending: File ending of the predictions.
        reader: nnU-Net's, for predictions of other formats than NIfTI.
    """
    for case in cases:
        mask, probabilities, properties = (folder / f"{case}{end}" for end in (file_ending, ".npz", ".pkl"))
        if mask.is_file() and not is_readable(mask, reader):
            mask.unlink()
        if probabilities.is_file() and not (zipfile.is_zipfile(probabilities) and _is_whole_pickle(properties)):
            probabilities.unlink()  # nnU-Net then predicts the case again and writes all its files


def _is_whole_pickle(file: Path) -> bool:
    """Return whether a pickle exists and has its end. Nothing in it is run."""
    try:
        for _ in pickletools.genops(file.read_bytes()):
            pass
    except (OSError, ValueError, IndexError, KeyError, UnicodeError, OverflowError):
        return False
    return True
