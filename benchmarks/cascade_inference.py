"""Compare both stages of trained folds on the validation cases of each fold.

For each case, the script measures the DSC of each stage and of their fusion, and the disagreement of the stages in
three ways. For the staged cascade, it also measures the difference between the stage-one probabilities that are
computed inside each tile and the stored ones from training, and the DSC with the stored ones. All values are on the
preprocessed grid, with nnU-Net's sliding window and mirroring.

Example: python benchmarks/cascade_inference.py 902 3d_small CSCNStagedTrainer --json runs/sts_staged_inference.json
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track
from scipy.stats import spearmanr
from torch import Tensor, nn

from nnunet_cscn.cascade.manifest import open_cases, stage_one_maps
from nnunet_cscn.cascade.maps import StageOneMaps
from nnunet_cscn.cascade.stage_one import FINAL, StageOne
from nnunet_cscn.files import write_json
from nnunet_cscn.nnunet.discovery import ensure_registered
from nnunet_cscn.nnunet.folders import model_folder, preprocessed_dataset
from nnunet_cscn.nnunet.plans import configuration_from_plans, read_plans
from nnunet_cscn.prediction.disagreement import disagreement_map
from nnunet_cscn.prediction.predictor import Model, SlidingWindow
from nnunet_cscn.prediction.stages import StagesPredictor
from nnunet_cscn.settings.block import Settings

CHOSEN_ON, REPORTED_ON = (0, 1, 2), (3, 4)
MEASURES = ("map_in_union", "one_minus_dsc_of_stages", "soft_dice_distance")


def main() -> None:
    arguments = _parse()
    ensure_registered()
    name = preprocessed_dataset(arguments.dataset).name
    model = model_folder(name, trainer=arguments.trainer, plans="nnUNetPlans", configuration=arguments.configuration)
    plan = configuration_from_plans(read_plans(name), arguments.configuration)
    stage_one = StageOne.for_stage_two(
        name, arguments.configuration, "nnUNetPlans", Settings.from_configuration(plan).staged
    )
    data = open_cases(stage_one)
    maps = stage_one_maps(stage_one) if arguments.trainer.startswith("CSCNStaged") else None
    cases: dict[str, dict[str, float]] = {}
    for fold in arguments.folds:
        window = SlidingWindow(progress=False)
        predictor = Model(model, (fold,), FINAL).load(torch.device(arguments.device), window)
        assert not predictor.label_manager.has_regions
        for case in track(stage_one.splits[fold]["val"], description=f"fold {fold}"):
            image, labels, *_ = data.load_case(case)
            measured = _measure(predictor, np.asarray(image[:]), np.asarray(labels[0]), case, maps)
            cases[case] = {"fold": fold, **measured}
    report = {
        "dataset": name,
        "configuration": arguments.configuration,
        "trainer": arguments.trainer,
        "summary": _summary(cases),
        "cases": cases,
    }
    write_json(arguments.json, report)
    for key, value in report["summary"].items():
        print(f"{key}: {value}")


def _measure(
    predictor: Any, image: NDArray[Any], labels: NDArray[Any], case: str, maps: StageOneMaps | None
) -> dict[str, float]:
    coarse, fine = StagesPredictor(predictor).probabilities(image)
    reference = labels > 0
    fusion = predictor.network.fusion
    measured = {"dsc_coarse": _dsc(coarse[0] < 0.5, reference)}
    for mode in ("fine", "mean"):
        fusion.mode = mode
        logits = predictor.predict_logits_from_preprocessed_data(torch.from_numpy(image)).float()
        measured[f"dsc_{mode}"] = _dsc(logits.argmax(0).numpy() > 0, reference)
    measured |= dict(zip(MEASURES, _disagreements(coarse, fine), strict=True))
    if maps is not None:
        stored = np.asarray(maps.load(case)[:], dtype=np.float32)
        measured |= _compare_stored_maps(predictor, image, stored, reference)
    return measured


def _disagreements(coarse: NDArray[np.float32], fine: NDArray[np.float32]) -> tuple[float, float, float]:
    masks = [probabilities[0] < 0.5 for probabilities in (coarse, fine)]
    union = masks[0] | masks[1]
    in_union = float(disagreement_map(coarse, fine, are_regions=False)[union].mean()) if union.any() else 0.0
    foreground = [1 - probabilities[0] for probabilities in (coarse, fine)]
    soft = float(np.abs(foreground[0] - foreground[1]).sum() / sum(p.sum() for p in foreground))
    return in_union, 1 - _dsc(*masks), soft


def _compare_stored_maps(
    predictor: Any, image: NDArray[Any], stored: NDArray[np.float32], reference: NDArray[np.bool_]
) -> dict[str, float]:
    """Predict with the stored probabilities and compare them with the probabilities computed inside each tile."""
    network = predictor.network
    comparing = predictor.network = _ComparingNetwork(network)
    logits = predictor.predict_logits_from_preprocessed_data(torch.from_numpy(np.concatenate([image, stored])))
    predictor.network = network
    return {
        "dsc_mean_stitched": _dsc(logits.float().argmax(0).numpy() > 0, reference),
        "handover_difference": statistics.fmean(comparing.differences),
        "handover_difference_in_foreground": statistics.fmean(comparing.in_foreground or [0.0]),
    }


class _ComparingNetwork(nn.Module):
    """The network, which records how much its stage-one probabilities of a tile differ from the stored ones."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network
        self.differences: list[float] = []
        self.in_foreground: list[float] = []

    def load_state_dict(self, *args: Any, **kwargs: Any) -> Any:
        return self.network.load_state_dict(*args, **kwargs)

    def forward(self, x: Tensor) -> Any:
        n_image = self.network.image_channels
        own = self.network.fusion.probabilities(self.network.coarse(x[:, :n_image]))[:, 1:].sum(1)
        stored = x[:, n_image:].sum(1)
        difference = (own - stored).abs()
        self.differences.append(float(difference.mean()))
        if (seen := (own > 0.5) | (stored > 0.5)).any():
            self.in_foreground.append(float(difference[seen].mean()))
        return self.network(x)


def _dsc(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    total = int(first.sum() + second.sum())
    return 2 * int((first & second).sum()) / total if total else 1.0


def _summary(cases: dict[str, dict[str, float]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, folds in (("folds_0_to_2", CHOSEN_ON), ("folds_3_and_4", REPORTED_ON)):
        chosen = [values for values in cases.values() if values["fold"] in folds]
        if not chosen:
            continue
        keys = [key for key in chosen[0] if key != "fold" and key not in MEASURES]
        found[name] = {"n": len(chosen), **{key: statistics.fmean(values[key] for values in chosen) for key in keys}}
        for measure in MEASURES:
            rank = spearmanr([values[measure] for values in chosen], [values["dsc_mean"] for values in chosen])
            found[name][f"spearman_{measure}"] = float(rank.statistic)
    return found


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", help="number or name")
    parser.add_argument("configuration")
    parser.add_argument("trainer", help="CSCNTrainer or CSCNStagedTrainer")
    parser.add_argument("--folds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--device", default="cpu", help="cpu (default) or cuda")
    parser.add_argument("--json", type=Path, required=True, help="file to write")
    return parser.parse_args()


if __name__ == "__main__":
    main()
