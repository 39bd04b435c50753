"""Compare prediction in one view and in three views on the validation cases of trained folds.

The values are on the preprocessed grid, with nnU-Net's sliding window and mirroring. All labels together count as
foreground. The configuration must have the option three_views.

Example: python benchmarks/views.py 902 3d_small_views CSCNTrainer --json benchmarks/runs/sts_views_inference.json
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import torch
from nnunetv2.training.dataloading.nnunet_dataset import infer_dataset_class
from rich.progress import track

from nnunet_cscn.execution.trainings import ensure_folds
from nnunet_cscn.files import write_json
from nnunet_cscn.metrics.overlap import count_overlap
from nnunet_cscn.nnunet.discovery import ensure_registered
from nnunet_cscn.nnunet.folders import model_folder, preprocessed_dataset
from nnunet_cscn.nnunet.plans import preprocessed_data
from nnunet_cscn.prediction.predictor import Model, PredictionMode, SlidingWindow
from nnunet_cscn.stats.paired import compare_paired

MODES: tuple[PredictionMode, ...] = ("tiles", "views")


def main() -> None:
    arguments = _parse()
    ensure_registered()
    name = preprocessed_dataset(arguments.dataset).name
    folder = model_folder(name, trainer=arguments.trainer, plans="nnUNetPlans", configuration=arguments.configuration)
    data = preprocessed_data(name, "nnUNetPlans", arguments.configuration)
    splits = ensure_folds(name, "nnUNetPlans", arguments.configuration)
    cases: dict[str, dict[str, float]] = {}
    for fold in arguments.folds:
        model = Model(folder, (fold,), "checkpoint_final.pth")
        window = SlidingWindow(progress=False)
        predictors = {m: model.load(torch.device(arguments.device), window, mode=m) for m in MODES}
        loaded = infer_dataset_class(str(data))(str(data), splits[fold]["val"])
        for case in track(loaded.identifiers, description=f"fold {fold}"):
            image, labels, *_ = loaded.load_case(case)
            cases[case] = {"fold": fold}
            for mode, predictor in predictors.items():
                cases[case][f"dsc_{mode}"] = _dsc(predictor, np.asarray(image[:]), np.asarray(labels[0]) > 0)
    found = compare_paired(*([case[f"dsc_{mode}"] for case in cases.values()] for mode in reversed(MODES)))
    summary = {f"dsc_{m}": statistics.fmean(case[f"dsc_{m}"] for case in cases.values()) for m in MODES}
    summary |= {"difference": found.difference, "low": found.low, "high": found.high, "p": found.p}
    write_json(arguments.json, {"dataset": name, "configuration": arguments.configuration, **summary, "cases": cases})
    for key, value in summary.items():
        print(f"{key}: {value:.4f}")


def _dsc(predictor: Any, image: Any, reference: Any) -> float:
    logits = predictor.predict_logits_from_preprocessed_data(torch.from_numpy(image)).float()
    return count_overlap(logits.argmax(0).numpy() > 0, reference).dsc


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", help="number or name")
    parser.add_argument("configuration")
    parser.add_argument("trainer")
    parser.add_argument("--folds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--device", default="cpu", help="cpu (default) or cuda")
    parser.add_argument("--json", type=Path, required=True, help="file to write")
    return parser.parse_args()


if __name__ == "__main__":
    main()
