"""Measure the time to compute the distance map of each preprocessed case.

Example: python benchmarks/distance_maps.py 902 3d_fullres
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from nnunetv2.run.run_training import get_trainer_from_args

from nnunet_cscn.nnunet.discovery import ensure_registered


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", help="number or name of a preprocessed data set")
    parser.add_argument("configuration")
    arguments = parser.parse_args()
    ensure_registered()
    trainer: Any = get_trainer_from_args(
        arguments.dataset, arguments.configuration, 0, "BUNetTrainer", device=torch.device("cpu")
    )
    trainer.initialize()
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        maps = replace(trainer.distance_maps(), folder=Path(folder))
        names = trainer.dataset_class.get_identifiers(trainer.preprocessed_dataset_folder)
        for name in names:
            cases = trainer.dataset_class(trainer.preprocessed_dataset_folder, [name])
            start = time.perf_counter()
            maps.prepare(cases, n_threads=1)
            seconds.append(time.perf_counter() - start)
    print(
        f"{len(seconds)} cases, one thread, reading, hashing and writing included: median "
        f"{statistics.median(seconds):.3f} s, largest {max(seconds):.3f} s"
    )


if __name__ == "__main__":
    main()
