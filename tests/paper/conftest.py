"""A prepared data set with ten cases of five patients, and runs with artificial predictions."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import finished_training
from nnunet_cscn.files import write_json
from nnunet_cscn.paper.configuration import PLANS
from nnunet_cscn.protocol.curves import TRAINING_FILE, VALIDATION_FILE, CurveFile
from nnunet_cscn.protocol.splits import FILE, PaperSplit, write_paper_splits

NAME = "Dataset901_Tiny"
CONFIGURATION = "3d_cscn_paper"
CASES = [f"case_{i}" for i in range(10)]
SHAPE = (6, 16, 16)


def truth(case: str) -> np.ndarray:
    labels = np.zeros(SHAPE, np.uint8)
    labels[1:5, 4:12, 4 : 8 + int(case[-1]) % 3] = 1
    return labels


@pytest.fixture
def prepared(empty_nnunet_folders, write_volume) -> dict[str, Path]:
    """nnU-Net's folders with plans, splits and references. Each split has two test cases of one patient."""
    raw, preprocessed = (empty_nnunet_folders[f"nnUNet_{name}"] / NAME for name in ("raw", "preprocessed"))
    description = {
        "channel_names": {"0": "MRI"},
        "labels": {"background": 0, "GTVp": 1},
        "numTraining": 10,
        "file_ending": ".nii.gz",
    }
    plan = {"data_identifier": "data", "patch_size": [8, 24, 24], "spacing": [1.0, 1.0, 1.0], "cscn": {"epochs": 2}}
    for folder in (raw, preprocessed):
        write_json(folder / "dataset.json", description)
    write_json(raw / "patients.json", {case: f"patient_{i // 2}" for i, case in enumerate(CASES)})
    write_json(preprocessed / f"{PLANS}.json", {"plans_name": PLANS, "configurations": {CONFIGURATION: plan}})
    for i, case in enumerate(CASES):
        image = np.random.default_rng(i).normal(0, 1, SHAPE).astype(np.float32) + truth(case)
        write_volume(raw / "imagesTr" / f"{case}_0000.nii.gz", image)
        for labels in (raw / "labelsTr", preprocessed / "gt_segmentations"):
            write_volume(labels / f"{case}.nii.gz", truth(case))
        (preprocessed / "data").mkdir(exist_ok=True)
        (preprocessed / "data" / f"{case}.pkl").touch()
    splits = []
    for fold in range(5):
        test = CASES[2 * fold : 2 * fold + 2]
        others = [case for case in CASES if case not in test]
        splits.append(PaperSplit(tuple(others[2:]), tuple(others[:2]), tuple(test)))
    write_paper_splits(preprocessed / FILE, splits, {case: f"patient_{i // 2}" for i, case in enumerate(CASES)})
    return empty_nnunet_folders


@pytest.fixture
def finish(write_volume):
    """Return a function that writes the files of a finished run. Its predictions are too large by some voxels."""

    def finished(run, *, too_far=1, curves=True):
        folder = run.training.folder
        finished_training.write(folder)
        for case in run.test_cases:
            labels = truth(case)
            labels[1:5, 4 : 12 + too_far, 4:8] = 1
            write_volume(run.predictions / f"{case}.nii.gz", labels)
        if curves:
            for file in (TRAINING_FILE, VALIDATION_FILE):
                rows = [(i, 0.5 + 0.1 * i, 1.0 / (i + 1), 1e-3 * 0.9**i) for i in range(4)]
                CurveFile(folder / file, first_iteration=0).append(rows)

    return finished


def change_plan(preprocessed: Path, **changes: object) -> None:
    file = preprocessed / NAME / f"{PLANS}.json"
    plans = json.loads(file.read_text())
    plans["configurations"][CONFIGURATION].update(changes)
    write_json(file, plans)
