"""Readers of checkpoints, folders of models, and exported models."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import torch

import tiny_checkpoint
from fuzz.reader import Reader
from nnunet_cscn.nnunet.checkpoint_files import is_whole
from nnunet_cscn.nnunet.checkpoints import read_checkpoint, record_of
from nnunet_cscn.prediction.model_names import long_name, short_name
from nnunet_cscn.prediction.predictor import Model, SlidingWindow
from nnunet_cscn.training.cscn import BUNetTrainer
from nnunet_cscn.training.heads import load_heads
from nnunet_cscn.workflows.curves import draw_curves
from nnunet_cscn.workflows.model_card import write_model_card
from nnunet_cscn.workflows.share_models import check_model, export_model, install_model, refuse

NAME = "BUNetTrainer__nnUNetPlans__3d_tiny"
CASES = ("case_0", "case_1", "case_2")
LOG = {
    **{"train_losses": [1.0, 0.5], "val_losses": [1.1, 0.6], "mean_fg_dice": [0.1, 0.4], "ema_fg_dice": [0.1, 0.2]},
    **{"lrs": [0.01, 0.005], "epoch_start_timestamps": [1.0, 11.0], "epoch_end_timestamps": [10.0, 20.0]},
}


def write_checkpoint(file: Path) -> None:
    """Write a checkpoint with a log and our record; its network has one small tensor."""
    file.parent.mkdir(parents=True, exist_ok=True)
    checkpoint = {
        "network_weights": {"a.weight": torch.ones(2, 3), "a.bias": torch.zeros(2)},
        "optimizer_state": {},
        "grad_scaler_state": None,
        "logging": LOG,
        "_best_ema": 0.2,
        "current_epoch": 2,
        "init_args": {
            "plans": tiny_checkpoint.manager().plans,
            "configuration": "3d_tiny",
            "fold": 0,
            "dataset_json": tiny_checkpoint.description(),
            "cscn": {"split": {"train": list(CASES[1:]), "val": [CASES[0]]}},
        },
        "trainer_name": BUNetTrainer.__name__,
        "inference_allowed_mirroring_axes": (0, 1, 2),
    }
    torch.save(checkpoint, file)


def _checkpoint(folder: Path) -> Any:
    file = folder / "checkpoint_final.pth"
    is_whole(file)
    content = read_checkpoint(file)
    return record_of(content), content["trainer_name"], sorted(content["network_weights"])


def write_model(folder: Path) -> Path:
    """Write the folder of a model; return it."""
    model = folder / "Dataset901_Tiny" / NAME
    write_checkpoint(model / "fold_0" / "checkpoint_final.pth")
    per_case = [{"reference_file": f"/a/{CASES[0]}.nii.gz", "metrics": {"1": {"Dice": 0.7}, "2": {"Dice": 0.8}}}]
    summary = {"foreground_mean": {"Dice": 0.75}, "mean": {"1": {"Dice": 0.75}}, "metric_per_case": per_case}
    files = {
        "fold_0/validation/summary.json": summary,
        "fold_0/debug.json": {"torch_version": "2.5", "device": "cpu"},
        "plans.json": tiny_checkpoint.manager().plans,
        "dataset.json": tiny_checkpoint.description(),
        "dataset_fingerprint.json": {"spacings": [[3, 1, 1], [3, 0.9, 0.9]], "shapes_after_crop": [[9, 8, 7]] * 2},
    }
    for name, content in files.items():
        (model / name).parent.mkdir(parents=True, exist_ok=True)
        (model / name).write_text(json.dumps(content), encoding="utf-8")
    return model


def _card(folder: Path) -> Any:
    model = folder / "Dataset901_Tiny" / NAME
    with mock.patch("nnunet_cscn.workflows.model_card.curves_png", return_value=b""):  # drawing takes a second
        card = write_model_card(model, folder / "card")
    return card.scores


def _names(folder: Path) -> Any:
    model = Model(folder / "Dataset901_Tiny" / NAME, (0,), "checkpoint_final.pth")
    model.check()
    with mock.patch("nnunet_cscn.report.training_curves.draw_training_curves"):
        curves = draw_curves([model.folder], folder / "a.svg").to_json()
    return (
        *(model.channel_names(), model.file_ending(), model.labels(), long_name(model.folder)),
        *(short_name(model.folder), curves["runs"]),
    )


def _loaded(folder: Path) -> Any:
    model = Model(folder / "Dataset901_Tiny" / NAME, (0,), "checkpoint_final.pth")
    predictor = model.load(torch.device("cpu"), SlidingWindow(progress=False))
    return sorted(predictor.network.state_dict())


def _write_whole_model(folder: Path) -> None:
    model = write_model(folder)
    (model / "dataset_fingerprint.json").unlink()
    shutil.rmtree(model / "fold_0" / "validation")
    tiny_checkpoint.write(model / "fold_0" / "checkpoint_final.pth", BUNetTrainer)


def _check_folder(folder: Path) -> Any:
    found = check_model(folder)
    refuse(found)
    return [model.to_json()["trainer"] for model in found]


def _export(folder: Path) -> Any:
    model = folder / "Dataset901_Tiny" / NAME
    return [export_model(model, folder / "out.zip", overwrite=True, case_names=names)["model"] for names in (0, 1)]


def _write_zip(folder: Path) -> None:
    export_model(write_model(folder / "made"), folder / "model.zip")
    shutil.rmtree(folder / "made")


@contextlib.contextmanager
def _results(folder: Path) -> Iterator[Path]:
    place = folder / "results"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    with mock.patch.dict(os.environ, {"nnUNet_results": str(place)}):
        yield place


def _install(folder: Path) -> Any:
    """Check and install the archive; what is installed must be what was exported."""
    with _results(folder) as place:
        installed = install_model(folder / "model.zip")
        model = installed.models[0].to_json()
        read_checkpoint(place / "Dataset901_Tiny" / NAME / "fold_0" / "checkpoint_final.pth")
        return {key: model[key] for key in ("trainer", "folds", "labels")}


def _write_heads(folder: Path) -> None:
    torch.save({"network_weights": {"a.seg_layers.0.bias": torch.ones(2)}, "labels": ["a", "b"]}, folder / "heads.pth")


def _heads(folder: Path) -> Any:
    network = torch.nn.Module()
    network.a = torch.nn.Module()  # type: ignore[assignment]
    layers = torch.nn.Module()
    layers.bias = torch.nn.Parameter(torch.zeros(2))  # type: ignore[assignment]
    network.a.seg_layers = torch.nn.ModuleList([layers])  # type: ignore[assignment]
    return load_heads(network, folder / "heads.pth", ["a", "b"])


def _model_only(folder: Path) -> None:
    write_model(folder)


READERS = (
    Reader("checkpoint", lambda folder: write_checkpoint(folder / "checkpoint_final.pth"), _checkpoint),
    Reader("model card", _model_only, _card),
    Reader("names of a model", _model_only, _names),
    Reader("loaded model", _write_whole_model, _loaded, share=0.5),
    Reader("check of a model folder", _model_only, _check_folder),
    Reader("export of a model", _model_only, _export),
    Reader("exported model", _write_zip, _install, oracle="checksum"),
    Reader("heads", _write_heads, _heads),
)
