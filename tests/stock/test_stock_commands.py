"""nnU-Net's own commands, each in a process of its own, with our trainers and nothing but its three paths set."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
import torch

import tiny_dataset
from nnunet_cscn.prediction.predictor import SlidingWindow
from nnunet_cscn.workflows.models import load_model_folder

DATASET = tiny_dataset.NAME
CONFIGURATION = "3d_tiny"
Run = Callable[..., str]


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("stock")
    tiny_dataset.make(folder, "labels")
    images = folder / "imagesTs"
    images.mkdir()
    for case in ("case_0", "case_1"):
        shutil.copy(folder / "raw" / DATASET / "imagesTr" / f"{case}_0000.nii.gz", images)
    return folder


@pytest.fixture(scope="module")
def run(root, runner) -> Run:
    return runner(root)


@pytest.fixture(scope="module")
def trained(root, run) -> Path:
    """Fold 0 of both trainers, with validation probabilities; returns the folder of the models."""
    for trainer in ("CSCNTrainer", "BUNetTrainer"):
        run("nnUNetv2_train", DATASET, CONFIGURATION, "0", "-tr", trainer, "-device", "cpu", "--npz")
    return root / "results" / DATASET


@pytest.fixture(scope="module")
def predictions(root, run, trained) -> dict[str, Path]:
    folders = {trainer: root / f"predicted_{trainer}" for trainer in ("CSCNTrainer", "BUNetTrainer")}
    for trainer, folder in folders.items():
        run(*_predict(root, folder), "-d", "901", "-tr", trainer, "--save_probabilities")
    return folders


def _predict(root: Path, out: Path) -> list[str]:
    where = ["-i", str(root / "imagesTs"), "-o", str(out), "-c", CONFIGURATION, "-f", "0"]
    return ["nnUNetv2_predict", *where, "-device", "cpu", "-npp", "1", "-nps", "1", "--disable_tta"]


def _model(trained: Path, trainer: str, configuration: str = CONFIGURATION) -> Path:
    return trained / f"{trainer}__nnUNetPlans__{configuration}"


def test_train_writes_checkpoint_and_probabilities(trained):
    fold = _model(trained, "CSCNTrainer") / "fold_0"
    assert (fold / "checkpoint_final.pth").is_file()
    assert list((fold / "validation").glob("*.npz"))


def test_a_finished_training_can_be_continued(run, trained):
    assert "Validation complete" in run(
        "nnUNetv2_train", DATASET, CONFIGURATION, "0", "-tr", "CSCNTrainer", "-device", "cpu", "--c"
    )


def test_an_interrupted_training_can_be_continued(root, run, trained):
    results = root / "interrupted"
    fold = results / DATASET / f"CSCNTrainer__nnUNetPlans__{CONFIGURATION}" / "fold_0"
    fold.mkdir(parents=True)
    checkpoint = torch.load(_model(trained, "CSCNTrainer") / "fold_0" / "checkpoint_final.pth", weights_only=False)
    checkpoint["current_epoch"] = 0  # as if the process had been killed before its last epoch ended
    torch.save(checkpoint, fold / "checkpoint_latest.pth")
    shown = run(
        *("nnUNetv2_train", DATASET, CONFIGURATION, "0", "-tr", "CSCNTrainer", "-device", "cpu", "--c"),
        nnUNet_results=str(results),
    )
    assert "Epoch 0" in shown
    assert (fold / "checkpoint_final.pth").is_file()


def test_predict_writes_a_segmentation_for_each_image(predictions):
    for folder in predictions.values():
        assert {"case_0.nii.gz", "case_1.nii.gz"} <= {file.name for file in folder.iterdir()}


def test_of_an_array_are_predicted_the_voxels_that_the_command_writes(root, trained, predictions):
    window = SlidingWindow(mirroring=False, progress=False)
    model = load_model_folder(_model(trained, "CSCNTrainer"), folds=(0,), device="cpu", window=window)
    image = SimpleITK.ReadImage(str(root / "imagesTs" / "case_1_0000.nii.gz"))
    mask, probabilities = model.predict(SimpleITK.GetArrayFromImage(image), image.GetSpacing()[::-1])
    written = SimpleITK.ReadImage(str(predictions["CSCNTrainer"] / "case_1.nii.gz"))
    np.testing.assert_array_equal(mask, SimpleITK.GetArrayFromImage(written))
    expected = np.load(predictions["CSCNTrainer"] / "case_1.npz")["probabilities"]
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)


def test_two_of_our_models_can_be_ensembled(root, run, predictions):
    run("nnUNetv2_ensemble", "-i", *map(str, predictions.values()), "-o", str(root / "ensemble"), "-np", "1")
    assert (root / "ensemble" / "case_0.nii.gz").is_file()


def test_the_best_configuration_is_found_among_ours(run, trained):
    command = ["nnUNetv2_find_best_configuration", "901", "-c", CONFIGURATION, "-f", "0", "-np", "1"]
    run(*command, "-tr", "CSCNTrainer", "BUNetTrainer")
    assert (trained / "inference_information.json").is_file()


def test_an_exported_model_predicts_where_it_is_installed(root, run, predictions):
    zipped = root / "model.zip"
    run(
        "nnUNetv2_export_model_to_zip",
        "-d",
        "901",
        "-o",
        str(zipped),
        "-c",
        CONFIGURATION,
        "-tr",
        "CSCNTrainer",
        "-f",
        "0",
    )
    elsewhere = {"nnUNet_results": str(root / "elsewhere")}
    run("nnUNetv2_install_pretrained_model_from_zip", str(zipped), **elsewhere)
    again = root / "predicted_elsewhere"
    run(*_predict(root, again), "-d", "901", "-tr", "CSCNTrainer", **elsewhere)
    expected = predictions["CSCNTrainer"] / "case_0.nii.gz"
    assert (again / "case_0.nii.gz").read_bytes() == expected.read_bytes()


def test_validation_can_be_repeated_where_a_user_has_trainers_of_their_own(root, run, trained):
    own = root / "own_trainers"
    own.mkdir()
    (own / "own_trainer.py").write_text(
        "from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer\n"
        "class OwnTrainer(nnUNetTrainer):\n"
        "    def run_training(self):\n"
        "        print('an own training')\n"
        "    def perform_actual_validation(self, save_probabilities=False):\n"
        "        print('an own validation')\n",
        encoding="utf-8",
    )
    variable = {"nnUNet_extTrainer": os.fspath(own)}
    shown = run("nnUNetv2_train", DATASET, CONFIGURATION, "0", "-tr", "OwnTrainer", "-device", "cpu", **variable)
    assert f"from: {own}" in shown
    assert "an own training" in shown
    assert "an own validation" in shown
    summary = _model(trained, "CSCNTrainer") / "fold_0" / "validation" / "summary.json"
    summary.unlink()
    ours = ("nnUNetv2_train", DATASET, CONFIGURATION, "0", "-tr", "CSCNTrainer", "-device", "cpu", "--val")
    assert "Validation complete" in run(*ours, **variable)
    assert summary.is_file()


def test_a_training_starts_from_a_trained_bunet(root, run, trained):
    bunet, start = _model(trained, "BUNetTrainer") / "fold_0" / "checkpoint_final.pth", root / "start.pth"
    full = f"{CONFIGURATION}_full"  # both networks at full resolution, so that the coarse one is the plan's U-Net
    run("cscn", "configure", DATASET, CONFIGURATION, full, "--set", "coarse.resolution=full")
    run("cscn", "weights", "from-bunet", str(bunet), str(start), "-c", full)
    shown = run(
        *("nnUNetv2_train", DATASET, full, "0", "-tr", "CSCNTrainer", "-device", "cpu"),
        *("-pretrained_weights", str(start)),
        nnUNet_results=str(root / "pretrained"),
    )
    assert f"Loading pretrained weights from file  {start}" in shown
    fold = _model(root / "pretrained" / DATASET, "CSCNTrainer", full) / "fold_0"
    assert (fold / "checkpoint_final.pth").is_file()
