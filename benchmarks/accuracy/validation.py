"""Predict the validation cases of a trainer in this process: one thread, no mirroring, no worker processes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from nnunetv2.inference.export_prediction import export_prediction_from_logits
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor


def predict_validation(trainer: Any, folder: Path) -> float:
    """Write the predicted label map of each validation case to a folder, on the original grid of the case.

    Args:
        trainer: A trained trainer.
        folder: Folder for the label maps.

    Returns:
        Time of all sliding windows without loading and writing, in seconds: CPU time, or wall time on a GPU.
    """
    predictor = predictor_of(trainer)
    folder.mkdir(parents=True, exist_ok=True)
    seconds = 0.0
    for case, image, properties in validation_cases(trainer):
        clock = time.process_time if trainer.device.type == "cpu" else time.perf_counter
        start = clock()
        logits = predictor.predict_sliding_window_return_logits(image).cpu()
        seconds += clock() - start
        export_prediction_from_logits(
            logits, properties, trainer.configuration_manager, trainer.plans_manager, trainer.dataset_json,
            str(folder / case),
        )  # fmt: skip
    return seconds


def predictor_of(trainer: Any) -> nnUNetPredictor:
    """Return nnU-Net's predictor with the network of the trainer, without mirroring."""
    trainer.set_deep_supervision_enabled(False)
    trainer.network.eval()
    predictor = nnUNetPredictor(
        use_mirroring=False, perform_everything_on_device=True, device=trainer.device, allow_tqdm=False
    )
    predictor.manual_initialization(
        trainer.network, trainer.plans_manager, trainer.configuration_manager, None, trainer.dataset_json,
        type(trainer).__name__, None,
    )  # fmt: skip
    return predictor


def validation_cases(trainer: Any) -> Any:
    """Yield the name, the image (C, Z, Y, X) and the properties of each validation case."""
    _, names = trainer.do_split()
    cases = trainer.dataset_class(trainer.preprocessed_dataset_folder, names)
    for name in names:
        image, _, _, properties = cases.load_case(name)
        yield name, torch.from_numpy(np.asarray(image[:])).float(), properties
