"""Look at predictions: a case in which nothing was found deserves a second look."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from nnunet_cscn.errors import UserError
from nnunet_cscn.evaluation.case_pool import process_cases


def empty_predictions(
    reader: Any, folder: Path, cases: Sequence[str], file_ending: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the cases in whose predictions no voxel has a label, and those whose predictions cannot be read.

    Args:
        reader: nnU-Net's, which wrote the predictions.
        folder: Where they are.
        cases: The names of the cases.
        file_ending: The ending of the files.
    """
    found, unreadable = process_cases(
        {case: partial(_is_empty, reader, folder / f"{case}{file_ending}") for case in cases}
    )
    return tuple(case for case, is_empty in found.items() if is_empty), tuple(
        case for case in cases if case in unreadable
    )


def _is_empty(reader: Any, file: Path) -> bool:
    try:
        labels, _ = reader.read_seg(str(file))
    except Exception as fault:  # every library behind nnU-Net's readers has kinds of its own
        raise UserError(f"{file} cannot be read ({type(fault).__name__})") from None
    return not bool((labels > 0).any())
