"""Compare prediction with blocks and with large tiles for networks that were trained on small blocks.

The network of each split predicts its validation cases (never the test cases) in blocks and in the large tiles of `cscn
paper prepare --large-tiles`. The script reports overlap, volume and seconds per case.

Example: python benchmarks/tiles.py 903 3d_cscn_paper_3mm_0p05 --json benchmarks/runs/npc_synth_tiles.json
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from nnunetv2.training.dataloading.nnunet_dataset import infer_dataset_class
from nnunetv2.utilities.plans_handling.plans_handler import ConfigurationManager
from rich.progress import track

from nnunet_cscn.files import write_json
from nnunet_cscn.metrics.overlap import count_overlap
from nnunet_cscn.nnunet.discovery import ensure_registered
from nnunet_cscn.nnunet.folders import model_folder, preprocessed_dataset
from nnunet_cscn.nnunet.plans import preprocessed_data
from nnunet_cscn.paper.configuration import PLANS, large_tile
from nnunet_cscn.paper.methods import TRAINERS, chosen_methods
from nnunet_cscn.prediction.predictor import Model, SlidingWindow
from nnunet_cscn.protocol.splits import FILE, read_paper_splits
from nnunet_cscn.stats.paired import compare_paired

SIZES = ("blocks", "tiles")


def main() -> None:
    arguments = _parse()
    ensure_registered()
    dataset = preprocessed_dataset(arguments.dataset)
    splits = read_paper_splits(dataset / FILE)
    data = preprocessed_data(dataset.name, PLANS, arguments.configuration)
    methods = {}
    for method in chosen_methods(arguments.methods):
        folder = model_folder(
            dataset.name, trainer=TRAINERS[method], plans=PLANS, configuration=arguments.configuration
        )
        cases: dict[str, list[dict[str, float]]] = {}
        for fold, split in track(list(enumerate(splits)), description=method):
            predictor = Model(folder, (fold,), "checkpoint_final.pth").load(
                torch.device(arguments.device), SlidingWindow(progress=False)
            )
            loaded = infer_dataset_class(str(data))(str(data), list(split.validation))
            for case in loaded.identifiers:
                image, labels, *_ = loaded.load_case(case)
                found = _both(predictor, np.asarray(image[:]), np.asarray(labels[0]) > 0)
                cases.setdefault(case, []).append({"fold": fold, **found})
        methods[method] = {**_summary([one for several in cases.values() for one in several]), "cases": cases}
        print(method, *(f"{key} {value:.3f}" for key, value in methods[method].items() if key != "cases"), sep="  ")
    write_json(
        arguments.json,
        {"dataset": dataset.name, "configuration": arguments.configuration, "methods": methods},
    )


def _both(predictor: Any, image: np.ndarray, reference: np.ndarray) -> dict[str, float]:
    """Predict one case in blocks and in large tiles."""
    plan = predictor.configuration_manager.configuration
    block = plan["cscn"]["block_size"]
    sizes = {"blocks": block, "tiles": large_tile(plan, block)}
    found = {}
    for name in SIZES:
        predictor.configuration_manager = ConfigurationManager({**plan, "patch_size": sizes[name]})
        began = time.perf_counter()
        logits = predictor.predict_logits_from_preprocessed_data(torch.from_numpy(image)).float()
        found[f"seconds_{name}"] = time.perf_counter() - began
        predicted = logits.argmax(0).numpy() > 0
        found[f"dsc_{name}"] = count_overlap(predicted, reference).dsc
        found[f"volume_{name}"] = float(predicted.sum() / reference.sum())
    return found


def _summary(cases: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the mean DSC and its difference, the median ratio of volumes, and the median time."""
    blocks, tiles = ([case[f"dsc_{name}"] for case in cases] for name in SIZES)
    paired = compare_paired(tiles, blocks)
    summary = {"n": len(cases), "dsc_blocks": statistics.fmean(blocks), "dsc_tiles": statistics.fmean(tiles)}
    summary |= {"difference": paired.difference, "low": paired.low, "high": paired.high, "p": paired.p}
    for key in ("volume", "seconds"):
        summary |= {f"{key}_{name}": statistics.median(case[f"{key}_{name}"] for case in cases) for name in SIZES}
    return summary


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", help="number or name")
    parser.add_argument("configuration", help="a finished one of the paper's experiment, such as 3d_cscn_paper_0p05")
    parser.add_argument("--methods", help="such as CSCN,BUNet; all by default")
    parser.add_argument("--device", default="cpu", help="cpu (default) or cuda")
    parser.add_argument("--json", type=Path, required=True, help="file to write")
    return parser.parse_args()


if __name__ == "__main__":
    main()
