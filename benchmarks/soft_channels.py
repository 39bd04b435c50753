"""What the stored stage-one maps cost: loader time of a batch with and without them, and disk of a case.

Both loaders run in this process on the same configuration and take turns, batch by batch. Needs the maps of
``cscn cascade``.

Example: python benchmarks/soft_channels.py 902 3d_small --batches 40
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from typing import Any

import torch
from nnunetv2.run.run_training import get_trainer_from_args

from nnunet_cscn.cascade.manifest import maps_of
from nnunet_cscn.discovery import ensure_registered


def main() -> None:
    arguments = _parse()
    os.environ["nnUNet_n_proc_DA"] = "0"  # noqa: SIM112  nnU-Net spells it so
    ensure_registered()
    trainers = {name: _trainer(arguments, name) for name in ("BUNetTrainer", "CSCNStagedTrainer")}
    loaders = {name: trainer.get_dataloaders()[0] for name, trainer in trainers.items()}
    seconds: dict[str, list[float]] = {name: [] for name in loaders}
    for _ in range(arguments.batches):
        for name, loader in loaders.items():
            start = time.perf_counter()
            next(loader)
            seconds[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    for name, values in seconds.items():
        low, _, high = statistics.quantiles(values, n=4)
        print(f"{name:18} {medians[name]:.4f} s a batch (quartiles {low:.4f} to {high:.4f})")
    print(f"soft channels: {100 * (medians['CSCNStagedTrainer'] / medians['BUNetTrainer'] - 1):+.1f} %")
    maps = maps_of(trainers["CSCNStagedTrainer"].stage_one())
    sizes = [file.stat().st_size / 2**20 for file in maps.folder.glob("*.b2nd")]
    print(f"{len(sizes)} maps, {statistics.median(sizes):.2f} MiB a case, largest {max(sizes):.2f} MiB")


def _trainer(arguments: argparse.Namespace, name: str) -> Any:
    trainer = get_trainer_from_args(arguments.dataset, arguments.configuration, 0, name, device=torch.device("cpu"))
    trainer.initialize()
    return trainer


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", help="number or name")
    parser.add_argument("configuration")
    parser.add_argument("--batches", type=int, default=40)
    return parser.parse_args()


if __name__ == "__main__":
    main()
