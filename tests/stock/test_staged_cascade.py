"""The staged cascade by nnU-Net's own commands, where stage one and its maps are there and where they are not."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import tiny_dataset
from tiny_training import CONFIGURATION

TRAINER = "CSCNStagedTrainer"
TRAIN = ("nnUNetv2_train", tiny_dataset.NAME, CONFIGURATION, "0", "-tr", TRAINER, "-device", "cpu")


@pytest.fixture(scope="module")
def root(_staged_folders_once, tmp_path_factory) -> Path:
    return shutil.copytree(_staged_folders_once("labels"), tmp_path_factory.mktemp("staged") / "nnunet")


@pytest.fixture(scope="module")
def run(root, runner):
    return runner(root)


@pytest.fixture(scope="module")
def trained(root, run) -> Path:
    """The trained second stage, after stage one and its maps have gone."""
    run(*TRAIN)
    results = root / "results" / tiny_dataset.NAME
    shutil.move(results / f"BUNetTrainer__nnUNetPlans__{CONFIGURATION}", root / "stage_one_elsewhere")
    shutil.move(root / "preprocessed" / tiny_dataset.NAME / "cscn", root / "maps_elsewhere")
    return results / f"{TRAINER}__nnUNetPlans__{CONFIGURATION}"


def predicted(
    root: Path, run, out: Path, case: str, *options: str, command: str = "nnUNetv2_predict", **changes: str
) -> bytes:
    images = root / f"images_{case}"
    images.mkdir(exist_ok=True)
    shutil.copy(root / "raw" / tiny_dataset.NAME / "imagesTr" / f"{case}_0000.nii.gz", images)
    where = ("-i", str(images), "-o", str(out), "-d", "901", "-c", CONFIGURATION, "-f", "0", "-tr", TRAINER)
    run(*command.split(), *where, "-device", "cpu", "-npp", "1", "-nps", "1", *options, **changes)
    return (out / f"{case}.nii.gz").read_bytes()


@pytest.fixture(scope="module")
def theirs(root, run, trained) -> bytes:
    """What nnU-Net's command predicts of case_1 without mirroring, below ``theirs``."""
    return predicted(root, run, root / "theirs", "case_1", "--disable_tta")


def test_validation_is_what_nnunet_predicts_from_the_image_alone(root, run, trained):
    validation = trained / "fold_0" / "validation"
    case = min(file.name.removesuffix(".nii.gz") for file in validation.glob("*.nii.gz"))
    assert predicted(root, run, root / "validated", case) == (validation / f"{case}.nii.gz").read_bytes()


def test_our_predict_writes_what_nnunets_writes(root, run, theirs):
    ours = predicted(root, run, root / "ours", "case_1", "--disable_tta", "--uncertainty", command="cscn predict")
    assert ours == theirs
    assert sorted(file.name for file in (root / "ours" / "uncertainty").iterdir()) == ["case_1.json", "case_1.nii.gz"]
    beside = {file.name for file in (root / "ours").iterdir()} - {file.name for file in (root / "theirs").iterdir()}
    assert beside == {"uncertainty", "uncertainty.json"}


def test_validation_is_repeated_without_stage_one(run, trained):
    summary = trained / "fold_0" / "validation" / "summary.json"
    summary.unlink()
    run(*TRAIN, "--val")
    assert summary.is_file()


def test_a_finished_training_is_continued_without_stage_one(run, trained):
    assert "Validation complete" in run(*TRAIN, "--c")


def test_an_exported_model_predicts_the_same_without_stage_one(root, run, theirs):
    zipped = root / "model.zip"
    run("nnUNetv2_export_model_to_zip", "-d", "901", "-o", str(zipped), "-c", CONFIGURATION, "-tr", TRAINER, "-f", "0")
    elsewhere = {"nnUNet_results": str(root / "elsewhere")}
    run("nnUNetv2_install_pretrained_model_from_zip", str(zipped), **elsewhere)
    assert predicted(root, run, root / "predicted_elsewhere", "case_1", "--disable_tta", **elsewhere) == theirs
