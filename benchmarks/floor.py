"""The floor of a data set: predict the mean training mask, scaled to the bounding box of each case, without the image.

The threshold for the mean mask is the one with the best result on the training cases.

Example: python benchmarks/floor.py 902 0 --json runs/sts_floor.json
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nnunet_cscn.evaluation.folder import FolderScores
from nnunet_cscn.evaluation.labels import read_labels
from nnunet_cscn.evaluation.volumes import score_volumes
from nnunet_cscn.files import write_json
from nnunet_cscn.nifti.grids import read_grid
from nnunet_cscn.nifti.voxels import read_voxels
from nnunet_cscn.nnunet.folders import preprocessed_dataset, raw_dataset

COMMON_SHAPE = (48, 64, 64)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", help="number or name of a data set with splits_final.json")
    parser.add_argument("fold", type=int)
    parser.add_argument("--json", type=Path, required=True, help="file to write")
    arguments = parser.parse_args()
    raw = raw_dataset(arguments.dataset)
    splits_file = preprocessed_dataset(arguments.dataset) / "splits_final.json"
    split = json.loads(splits_file.read_text(encoding="utf-8"))[arguments.fold]
    labels = read_labels(raw / "dataset.json")
    values = sorted(labels.known - {0, labels.ignore})
    training = [_read(raw, case)[0] for case in split["train"]]
    means = {value: np.mean([_scaled(mask == value, COMMON_SHAPE) for mask in training], axis=0) for value in values}
    threshold = max(np.arange(0.1, 0.9, 0.05), key=lambda t: _mean_dice(means, training, t))
    scores = {}
    for case in split["val"]:
        reference, spacing_mm = _read(raw, case)
        scores[case] = score_volumes(
            _predicted(means, reference.shape, threshold), reference, spacing_mm, labels=labels
        )
    write_json(arguments.json, {"dataset": raw.name, "trainer": "mean training mask", "fold": arguments.fold,
                                "threshold": float(threshold), **FolderScores(scores).to_json()})  # fmt: skip


def _read(raw: Path, case: str) -> tuple[NDArray[np.uint8], tuple[float, ...]]:
    path = raw / "labelsTr" / f"{case}.nii.gz"
    return read_voxels(path), read_grid(path).spacing_mm[::-1]


def _scaled(volume: NDArray[Any], shape: tuple[int, ...]) -> NDArray[np.float32]:
    factors = [new / old for new, old in zip(shape, volume.shape, strict=True)]
    scaled: NDArray[np.float32] = ndimage.zoom(
        volume.astype(np.float32), factors, order=1, grid_mode=True, mode="nearest"
    )
    return scaled


def _predicted(means: dict[int, NDArray[np.float32]], shape: tuple[int, ...], threshold: float) -> NDArray[np.uint8]:
    prediction = np.zeros(shape, dtype=np.uint8)
    best = np.full(shape, threshold, dtype=np.float32)
    for value, mean in means.items():
        here = _scaled(mean, shape)
        prediction[here >= best] = value
        best = np.maximum(best, here)
    return prediction


def _mean_dice(means: dict[int, NDArray[np.float32]], masks: list[NDArray[np.uint8]], threshold: float) -> float:
    scores = []
    for mask in masks:
        prediction = _predicted(means, mask.shape, threshold)
        for value in means:
            both = np.logical_and(prediction == value, mask == value).sum()
            scores.append(2 * both / max(1, (prediction == value).sum() + (mask == value).sum()))
    return float(np.mean(scores))


if __name__ == "__main__":
    main()
