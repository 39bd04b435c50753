"""A data set of six tiny cases, taken through nnU-Net's own planning and preprocessing in this process."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import shutil
from collections.abc import Iterator
from multiprocessing.pool import ThreadPool
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import SimpleITK

from nnunet_cscn.files import write_json
from nnunet_cscn.planning.configurations import Changes, derive_configuration

NAME = "Dataset901_Tiny"
KINDS: dict[str, dict[str, Any]] = {
    "labels": {"labels": {"background": 0, "GTVp": 1, "GTVn": 2}},
    "ignore": {"labels": {"background": 0, "GTVp": 1, "ignore": 2}},
    "regions": {
        "labels": {"background": 0, "whole": [1, 2], "core": 2, "ignore": 3},
        "regions_class_order": [1, 2],
    },
    "no tumour": {"labels": {"background": 0, "GTVp": 1, "GTVn": 2}},
}
SHORT = {"epochs": 1, "iterations_per_epoch": 2, "validation_iterations_per_epoch": 1, "seed": 0}


def make(root: Path, kind: str) -> Path:
    """Write, plan and preprocess the data set below ``root``; return its preprocessed folder."""
    raw, preprocessed = root / "raw" / NAME, root / "preprocessed" / NAME
    with _in_this_process(root):
        _write_raw(raw, kind)
        _plan(901, preprocessed / "nnUNetPlans.json")
        if kind == "no tumour":  # nnU-Net cannot plan without any, so it goes missing afterwards
            for file in (raw / "labelsTr").iterdir():
                _write(file, np.zeros((12, 32, 32), dtype=np.uint8))
        _preprocess(901, ["2d", "3d_fullres"] if kind == "labels" else ["3d_fullres"])
    return preprocessed


def prepare(root: Path, name: str) -> Path:
    """Plan and preprocess another raw data set below ``root``; return its preprocessed folder."""
    number, preprocessed = int(name[7:10]), root / "preprocessed" / name
    with _in_this_process(root):
        _plan(number, preprocessed / "nnUNetPlans.json")
        _preprocess(number, ["3d_fullres"])
    return preprocessed


def preprocess(root: Path, configuration: str) -> None:
    """Preprocess a configuration that was added to the plans."""
    with _in_this_process(root):
        _preprocess(901, [configuration])


@contextlib.contextmanager
def _in_this_process(root: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("raw", "preprocessed", "results"):
            (root / name).mkdir(parents=True, exist_ok=True)
            patch.setenv(f"nnUNet_{name}", str(root / name))
        # threads instead of spawned processes, each of which would import nnU-Net first
        patch.setattr(multiprocessing, "Pool", ThreadPool)
        patch.setattr(multiprocessing, "get_context", lambda _method=None: SimpleNamespace(Pool=ThreadPool))
        yield


def add_cases(root: Path, *numbers: int) -> None:
    """Add copies of the first case to the raw data set: six cases are too few for the paper's splits."""
    raw = root / "raw" / NAME
    for number in numbers:
        for folder, ending in (("imagesTr", "_0000.nii.gz"), ("labelsTr", ".nii.gz")):
            shutil.copy(raw / folder / f"case_0{ending}", raw / folder / f"case_{number}{ending}")
    description = json.loads((raw / "dataset.json").read_text())
    write_json(raw / "dataset.json", {**description, "numTraining": description["numTraining"] + len(numbers)})


def _write_raw(folder: Path, kind: str) -> None:
    for case in range(6):
        random = np.random.default_rng(case)
        labels = np.zeros((12, 32, 32), dtype=np.uint8)
        z, y, x = random.integers((2, 6, 6), (5, 14, 14))
        labels[z : z + 6, y : y + 11, x : x + 11] = 1
        labels[z + 1 : z + 4, y + 2 : y + 8, x + 2 : x + 8] = 2
        if kind == "regions":
            labels[:, :, :3] = 3
        image = random.normal(0, 1, labels.shape).astype(np.float32) + labels
        _write(folder / "imagesTr" / f"case_{case}_0000.nii.gz", image)
        _write(folder / "labelsTr" / f"case_{case}.nii.gz", labels)
    description = {"channel_names": {"0": "MRI"}, "numTraining": 6, "file_ending": ".nii.gz", **KINDS[kind]}
    write_json(folder / "dataset.json", description)


def _write(file: Path, voxels: np.ndarray) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    image = SimpleITK.GetImageFromArray(voxels)
    image.SetSpacing((1.0, 1.0, 3.0))
    SimpleITK.WriteImage(image, str(file))


def _plan(number: int, plans_file: Path) -> None:
    """Plan as nnU-Net does, and add the tiny configurations."""
    from nnunetv2.experiment_planning.dataset_fingerprint.fingerprint_extractor import DatasetFingerprintExtractor
    from nnunetv2.experiment_planning.plan_and_preprocess_api import plan_experiments

    extractor = DatasetFingerprintExtractor(number, 1)
    extractor.num_foreground_voxels_for_intensitystats = 1000  # nnU-Net draws ten million
    extractor.show_progress_bar = False
    extractor.run()
    plan_experiments([number])
    plans = json.loads(plans_file.read_text())
    for base, name, patch_size in (("3d_fullres", "3d_tiny", (8, 16, 16)), ("2d", "2d_tiny", (16, 16))):
        changes = Changes(options=SHORT, patch_size=patch_size, batch_size=2, features=4, max_features=8)
        plans["configurations"][name] = derive_configuration(plans, base, name, changes)
    write_json(plans_file, plans)


def _preprocess(number: int, configurations: list[str]) -> None:
    from nnunetv2.experiment_planning.plan_and_preprocess_api import preprocess_dataset

    preprocess_dataset(number, configurations=configurations, num_processes=[1], show_progress_bar=False)
