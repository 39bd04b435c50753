"""Compare stage one on its training cases and on unseen cases: DSC of in-sample and of out-of-fold maps.

A leaky second stage would learn from in-sample maps, which are too good. The script needs the maps of ``cscn cascade``
and those of ``train_leaky.py``.

Example: python benchmarks/in_sample_gap.py 902 3d_small
"""

from __future__ import annotations

import argparse
import statistics

import numpy as np
import torch
from rich.progress import track
from train_leaky import in_sample_maps

from nnunet_cscn.cascade.manifest import open_cases, stage_one_maps
from nnunet_cscn.cascade.stage_one import StageOne
from nnunet_cscn.nnunet.discovery import ensure_registered
from nnunet_cscn.nnunet.folders import preprocessed_dataset
from nnunet_cscn.nnunet.plans import configuration_from_plans, read_plans
from nnunet_cscn.settings.block import Settings


def main() -> None:
    arguments = _parse()
    ensure_registered()
    name = preprocessed_dataset(arguments.dataset).name
    plan = configuration_from_plans(read_plans(name), arguments.configuration)
    stage_one = StageOne.for_stage_two(
        name, arguments.configuration, "nnUNetPlans", Settings.from_configuration(plan).staged
    )
    data, out_of_fold = open_cases(stage_one), stage_one_maps(stage_one)
    print("| fold | training cases | DSC in sample | DSC out of fold |\n|---|---|---|---|")
    for fold, split in enumerate(stage_one.splits):
        in_sample = in_sample_maps(stage_one, fold, torch.device("cpu"))
        found = []
        for case in track(split["train"], description=f"fold {fold}", transient=True):
            _, labels, *_ = data.load_case(case)
            reference = np.asarray(labels[0]) > 0
            found.append([_dsc(np.asarray(maps.load(case)[:]), reference) for maps in (in_sample, out_of_fold)])
        means = [statistics.fmean(column) for column in zip(*found, strict=True)]
        print(f"| {fold} | {len(found)} | {means[0]:.3f} | {means[1]:.3f} |")


def _dsc(foreground: np.ndarray, reference: np.ndarray) -> float:
    predicted = foreground.astype(np.float32).sum(axis=0) > 0.5
    return 2 * int((predicted & reference).sum()) / max(int(predicted.sum() + reference.sum()), 1)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", help="number or name")
    parser.add_argument("configuration")
    return parser.parse_args()


if __name__ == "__main__":
    main()
