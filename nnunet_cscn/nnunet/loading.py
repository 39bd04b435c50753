"""Load trained models with nnU-Net after a check for foreign code."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from nnunet_cscn.errors import ArgumentError, UserError
from nnunet_cscn.nnunet.architectures import foreign_names
from nnunet_cscn.nnunet.checkpoint_files import ForeignCode, trusts_all
from nnunet_cscn.nnunet.checkpoints import read_checkpoint
from nnunet_cscn.nnunet.plans import read_plans_file


def load_trained(
    predictor: Any, folder: Path, folds: Sequence[int | str], checkpoint: str, *, trust: bool | None = None
) -> None:
    """Load trained folds into nnU-Net's predictor.

    nnU-Net itself runs any code in a checkpoint and imports any name in the plans.

    Args:
        predictor: nnU-Net's predictor.
        folder: The model folder of nnU-Net.
        folds: The folds to load.
        checkpoint: File name of the checkpoints.
        trust: Whether checkpoints and plans may run code. None for the value of ``CSCN_TRUST``.

    Raises:
        ForeignCode: When a checkpoint or the plans would run code that is not part of nnU-Net.
        UserError: When a checkpoint or the plans are damaged, or do not fit each other.
    """
    loaded = tuple(_as_nnunet_reads(fold) for fold in folds)
    files = [folder / f"fold_{fold}" / checkpoint for fold in loaded]
    is_trusted = trusts_all() if trust is None else trust
    if not is_trusted:
        check_plans(folder / "plans.json")
        for file in files:
            read_checkpoint(file, trust=False)
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # nnU-Net prints where it searches for the trainer
            predictor.initialize_from_trained_model_folder(str(folder), loaded, checkpoint)
            _ = predictor.plans_manager.image_reader_writer_class  # damaged plans may lack it
    except (UserError, torch.OutOfMemoryError):
        raise
    except Exception as fault:  # plans and weights that do not fit can raise any exception in nnU-Net
        for file in files:
            read_checkpoint(file, trust=is_trusted)  # raises a clear error for the damaged one
        reason = str(fault).strip().partition("\n")[0]
        raise UserError(
            f"nnU-Net cannot load {folder.name} ({type(fault).__name__}: {reason:.200}): its plans.json, dataset.json "
            "and checkpoints are damaged or do not fit; restore them"
        ) from fault


def _as_nnunet_reads(fold: int | str) -> int | str:
    """Return the fold that nnU-Net loads: it takes "00" for fold_0."""
    try:
        return fold if fold == "all" else int(fold)
    except ValueError:
        raise ArgumentError("folds", f"expected numbers or all, got {fold}") from None


def check_plans(file: Path) -> None:
    """Check that plans import only networks and layers.

    Raises:
        ForeignCode: When they import something else; the text names it.
        UserError: When the file contains no plans.
    """
    if foreign := foreign_names(read_plans_file(file)):
        raise ForeignCode(file, foreign)
