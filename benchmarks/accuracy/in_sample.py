"""Compare what the fine network adds on training cases and on new cases.

Both networks of the cascade train together, so the fine one learns from coarse probabilities of cases that the coarse
one has seen. If it learned to trust them too much, it would add less on new cases. DSC is on the preprocessed grid.

Example: python benchmarks/accuracy/in_sample.py predict_lgg_4mm --models models/lgg_4mm/x1_full --of cscn_coarse_1
"""

from __future__ import annotations

import dataclasses
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from arms import PROBLEMS  # noqa: E402
from calibrate import RUNS  # noqa: E402
from predict import read_arguments, trained_cascade, trained_checkpoint  # noqa: E402

from nnunet_cscn.files import write_json  # noqa: E402

EVERY = 4  # the training cases that are predicted: every fourth


def main() -> None:
    arguments = read_arguments(__doc__)
    problem = PROBLEMS[arguments.problem]
    os.environ["nnUNet_n_proc_DA"] = "0"  # noqa: SIM112  nnU-Net spells it so
    found: dict[str, list[tuple[float, float]]] = {"training cases": [], "new cases": []}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["nnUNet_results"] = folder  # noqa: SIM112  read when nnunetv2 is imported
        for fold in problem.folds:
            checkpoint = trained_checkpoint(arguments.models, arguments.of, problem.iterations, fold)
            _, trainer = trained_cascade(problem, "cscn", fold, checkpoint)
            training, new = trainer.do_split()
            found["training cases"] += _coarse_and_fused(trainer, training[::EVERY])
            found["new cases"] += _coarse_and_fused(trainer, new)
    write_json(RUNS / arguments.problem / "in_sample.json", found)
    print("| | cases | DSC, coarse network alone | DSC, both | difference |\n|---|---|---|---|---|")
    for title, cases in found.items():
        coarse, fused = (statistics.fmean(column) for column in zip(*cases, strict=True))
        print(f"| {title} | {len(cases)} | {coarse:.3f} | {fused:.3f} | {fused - coarse:+.3f} |")


def _coarse_and_fused(trainer: Any, names: list[str]) -> list[tuple[float, float]]:
    """Return, for each case, the DSC of the coarse network alone and that of the cascade."""
    from validation import predictor_of

    predictor, network = predictor_of(trainer), trainer.network
    cases = trainer.dataset_class(trainer.preprocessed_dataset_folder, names)
    settings, scores = network.settings, []
    for name in names:
        image, labels, _, _ = cases.load_case(name)
        pair = []
        for threshold in (1.0, settings.threshold):  # 1: no block is refined
            network.settings = dataclasses.replace(settings, threshold=threshold)
            pair.append(_dice(predictor, np.asarray(image[:]), np.asarray(labels[0]) > 0))
        network.settings = settings
        scores.append((pair[0], pair[1]))
    return scores


def _dice(predictor: nnUNetPredictor, image: npt.NDArray[np.float32], truth: npt.NDArray[np.bool_]) -> float:
    """Predict an image (C, Z, Y, X) and return its DSC with a mask (Z, Y, X); 0 if both are empty."""
    import torch

    logits = predictor.predict_sliding_window_return_logits(torch.from_numpy(image).float()).numpy()
    predicted = logits.argmax(axis=0) > 0
    return 2 * int((predicted & truth).sum()) / max(int(predicted.sum() + truth.sum()), 1)


if __name__ == "__main__":
    main()
