import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import tiny_checkpoint
from nnunet_cscn.training.cscn import BUNetTrainer

NAME = "BUNetTrainer__nnUNetPlans__3d_tiny"
CASES = ("anna_1", "berta_2", "clara_3")


def _write_model(root: Path) -> Path:
    """Write what nnU-Net leaves after a training, of a network that was never trained; names of cases wherever."""
    model = root / "Dataset901_Tiny" / NAME
    for fold in (0, 1):
        folder = model / f"fold_{fold}"
        (folder / "validation").mkdir(parents=True)
        tiny_checkpoint.write(folder / "checkpoint_final.pth", BUNetTrainer)
        checkpoint = torch.load(folder / "checkpoint_final.pth", weights_only=False)
        train, val = [np.str_(case) for case in CASES[1:]], [np.str_(CASES[0])]
        checkpoint["init_args"]["cscn"] = {"split": {"train": train, "val": val}}
        checkpoint["init_args"]["dataset_json"]["training"] = list(CASES)
        checkpoint["optimizer_state"] = {"state": {0: {"momentum_buffer": torch.ones(1000)}}}
        torch.save(checkpoint, folder / "checkpoint_final.pth")
        per_case = [{"reference_file": f"/home/doe/{CASES[0]}.nii.gz", "metrics": {}}]
        summary = {"foreground_mean": {"Dice": 0.75}, "mean": {"1": {"Dice": 0.75}}, "metric_per_case": per_case}
        (folder / "validation" / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
        (folder / "debug.json").write_text(json.dumps({"cases": CASES}), encoding="utf-8")
    plans = tiny_checkpoint.manager().plans
    (model / "plans.json").write_text(json.dumps(plans), encoding="utf-8")
    description = {"channel_names": {"0": "MRI"}, "numTraining": 3, "file_ending": ".nii.gz", **tiny_checkpoint.LABELS}
    (model / "dataset.json").write_text(json.dumps({**description, "training": list(CASES)}), encoding="utf-8")
    return model


@pytest.fixture
def model(tmp_path) -> Path:
    """The folder of a model."""
    return _write_model(tmp_path / "trained")


@pytest.fixture
def results(tmp_path, monkeypatch) -> Path:
    """nnU-Net's results, still empty."""
    folder = tmp_path / "results"
    folder.mkdir()
    monkeypatch.setenv("nnUNet_results", str(folder))
    return folder


@pytest.fixture
def zipped(tmp_path) -> Callable[..., Path]:
    """Return a function that zips a model's folder as nnU-Net does, with other members beside."""

    def write(model: Path, *members: tuple[zipfile.ZipInfo | str, bytes], name: str = "stock.zip") -> Path:
        with zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(path for path in model.rglob("*") if path.is_file()):
                archive.write(file, file.relative_to(model.parent.parent))
            for member, content in members:
                archive.writestr(member, content)
        return tmp_path / name

    return write
