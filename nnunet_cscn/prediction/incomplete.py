"""Find incomplete predictions, which a killed process leaves."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path

from nnunet_cscn.errors import UserError
from nnunet_cscn.nifti.voxels import ENDINGS, check_whole


def remove_incomplete(folder: Path, cases: Iterable[str], file_ending: str) -> None:
    """Remove incomplete predictions. nnU-Net would keep them, because it only checks that a file exists.

    Args:
        folder: Folder of the predictions.
        cases: Names of the cases.
        file_ending: File ending of the predictions.
    """
    for case in cases:
        mask, probabilities = folder / f"{case}{file_ending}", folder / f"{case}.npz"
        if mask.is_file() and not _is_complete(mask):
            mask.unlink()
        if probabilities.is_file() and not zipfile.is_zipfile(probabilities):
            probabilities.unlink()


def _is_complete(file: Path) -> bool:
    if not file.name.endswith(ENDINGS):
        return file.stat().st_size > 0
    try:
        check_whole(file)
    except UserError:
        return False
    return True
