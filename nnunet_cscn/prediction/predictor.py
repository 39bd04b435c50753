"""nnU-Net's predictor with a trained model in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

from nnunet_cscn.errors import UserError

Fold = int | str  # a number, or "all"


@dataclass(frozen=True)
class SlidingWindow:
    """How nnU-Net moves its window; the defaults are those of ``nnUNetv2_predict``.

    Attributes:
        step_size: Step between tiles, as a fraction of a tile.
        mirroring: Whether tiles are predicted mirrored too.
        on_device: Whether a GPU keeps the sums.
        verbose: Whether nnU-Net talks.
        progress: Whether nnU-Net shows the progress of each case.
    """

    step_size: float = 0.5
    mirroring: bool = True
    on_device: bool = True
    verbose: bool = False
    progress: bool = True


def check_folds(model: Path, folds: Sequence[Fold], checkpoint: str) -> None:
    """See that a model has the folds that shall predict.

    Args:
        model: Its folder.
        folds: The folds.
        checkpoint: The checkpoint's name.

    Raises:
        UserError: With the folds that there are.
    """
    if missing := [str(fold) for fold in folds if not (model / f"fold_{fold}" / checkpoint).is_file()]:
        trained = sorted(file.parent.name.removeprefix("fold_") for file in model.glob(f"fold_*/{checkpoint}"))
        there = f"predict with what there is: -f {' '.join(trained)}" if trained else "train it first"
        raise UserError(f"{model.name} has no {checkpoint} in fold {', '.join(missing)}: {there}")


def load_predictor(
    model: Path, folds: Sequence[Fold], checkpoint: str, device: torch.device, window: SlidingWindow
) -> Any:
    """Return nnU-Net's predictor as ``nnUNetv2_predict`` sets it up."""
    predictor = nnUNetPredictor(
        tile_step_size=window.step_size,
        use_gaussian=True,
        use_mirroring=window.mirroring,
        perform_everything_on_device=window.on_device,
        device=device,
        verbose=window.verbose,
        verbose_preprocessing=window.verbose,
        allow_tqdm=window.progress,
    )
    predictor.initialize_from_trained_model_folder(str(model), tuple(folds), checkpoint_name=checkpoint)
    return predictor
