"""Measure the cost of the stored stage-one maps: loading time of a batch with and without them, and disk space.

Both loaders run alternately in this process, with the same configuration. The script needs the maps of ``cscn
cascade``. With ``--from-labels``, it temporarily stores blurred labels instead. They have the same size and reading
time and need no training.

Example: python benchmarks/soft_channels.py 902 3d_fullres --batches 20 --from-labels
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from batchgeneratorsv2.transforms.base.basic_transform import BasicTransform
from nnunetv2.run.run_training import get_trainer_from_args
from rich.progress import track
from scipy.ndimage import gaussian_filter

from nnunet_cscn.cascade.manifest import stage_one_maps
from nnunet_cscn.cascade.maps import MapProvenance, StageOneMaps
from nnunet_cscn.nnunet.discovery import ensure_registered


def main() -> None:
    arguments = _parse()
    os.environ["nnUNet_n_proc_DA"] = "0"  # noqa: SIM112  nnU-Net spells it so
    ensure_registered()
    trainers = {name: _trainer(arguments, name) for name in ("BUNetTrainer", "CSCNStagedTrainer")}
    maps = stage_one_maps(trainers["CSCNStagedTrainer"].stage_one())
    with tempfile.TemporaryDirectory() as folder:
        if arguments.from_labels:
            maps = _blurred_labels(trainers["CSCNStagedTrainer"], StageOneMaps(Path(folder)))
        _measure(trainers, maps, arguments.batches)


def _measure(trainers: dict[str, Any], maps: StageOneMaps, n_batches: int) -> None:
    staged = trainers["CSCNStagedTrainer"]
    inputs = staged.extra_inputs()
    quiet = [_RestoresRandomState(transform) for transform in inputs.augmentation]
    staged.extra_inputs = lambda: replace(inputs, load=maps.load, augmentation=quiet)
    loaders = {name: trainer.get_dataloaders()[0] for name, trainer in trainers.items()}
    seconds: dict[str, list[float]] = {name: [] for name in loaders}
    for number in range(n_batches):
        for name, loader in loaders.items():
            _seed(number)  # both loaders sample the same cases, patches and spatial transforms
            start = time.perf_counter()
            next(loader)
            seconds[name].append(time.perf_counter() - start)
    for name, values in seconds.items():
        low, median, high = statistics.quantiles(values, n=4)
        print(f"{name:18} {median:.4f} s a batch (quartiles {low:.4f} to {high:.4f}), {sum(values):.1f} s in all")
    one, two = seconds.values()
    low, median, high = statistics.quantiles([b / a for a, b in zip(one, two, strict=True)], n=4)
    print(f"soft channels: {100 * (sum(two) / sum(one) - 1):+.1f} % of all time")
    print(f"batch by batch: {100 * (median - 1):+.1f} % (quartiles {100 * (low - 1):+.1f} to {100 * (high - 1):+.1f})")
    sizes = [file.stat().st_size / 2**20 for file in maps.folder.glob("*.b2nd")]
    print(f"{len(sizes)} maps, {statistics.median(sizes):.2f} MiB a case, largest {max(sizes):.2f} MiB")


def _blurred_labels(trainer: Any, maps: StageOneMaps) -> StageOneMaps:
    cases = trainer.dataset_class(trainer.preprocessed_dataset_folder)
    assert not trainer.label_manager.has_regions
    for case in track(cases.identifiers, description="blurring labels"):
        _, labels, *_ = cases.load_case(case)
        masks = [np.asarray(labels[0]) == label for label in trainer.label_manager.foreground_labels]
        soft = np.stack([gaussian_filter(mask.astype(np.float32), 2.0) for mask in masks])
        maps.store(case, soft.clip(0, 1), MapProvenance(0, "", "", soft.shape))
    return maps


class _RestoresRandomState(BasicTransform):  # type: ignore[misc]
    """A transform that restores the random state, so that later transforms get the same random numbers."""

    def __init__(self, transform: BasicTransform) -> None:
        super().__init__()
        self.transform = transform

    def apply(self, data_dict: dict[str, Any], **params: Any) -> dict[str, Any]:
        before = torch.random.get_rng_state(), np.random.get_state()
        changed: dict[str, Any] = self.transform(**data_dict)
        torch.random.set_rng_state(before[0])
        np.random.set_state(before[1])
        return changed


def _seed(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def _trainer(arguments: argparse.Namespace, name: str) -> Any:
    trainer = get_trainer_from_args(arguments.dataset, arguments.configuration, 0, name, device=torch.device("cpu"))
    trainer.initialize()
    return trainer


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", help="number or name")
    parser.add_argument("configuration")
    parser.add_argument("--batches", type=int, default=40)
    parser.add_argument("--from-labels", action="store_true", help="blurred labels instead of a stage one's maps")
    return parser.parse_args()


if __name__ == "__main__":
    main()
