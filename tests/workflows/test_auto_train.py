"""The steps of `cscn train --auto` with a stand-in that makes what each command makes."""

import shutil
from dataclasses import asdict
from pathlib import Path

import pytest

import tiny_dataset
from nnunet_cscn.errors import ArgumentError
from nnunet_cscn.execution.trainings import Training
from nnunet_cscn.files import write_json
from nnunet_cscn.training.pace import Pace
from nnunet_cscn.workflows.auto_train import train_automatically
from tiny_training import CONFIGURATION, set_folders

PACE = Pace(0.5, 0.2, 0.25, 10, 20, 100, 10, 8, 1)
PLANS = "nnUNetCSCNPlans"


@pytest.fixture
def root(trained_models, tmp_path, monkeypatch):
    """A raw data set with a fingerprint, but without these plans, preprocessed data of them and models."""
    root = tmp_path / "nnunet"
    shutil.copytree(trained_models("labels") / "raw", root / "raw")
    (root / "preprocessed" / tiny_dataset.NAME).mkdir(parents=True)
    (root / "results").mkdir()
    set_folders(monkeypatch, root)
    return root


@pytest.fixture
def made(root, trained_models):
    """The names of the jobs that were run; each makes what the real one makes."""
    source = trained_models("labels")
    names = []

    def run(_executor, jobs):
        for job in jobs:
            names.append(job.name)
            preprocessed = root / "preprocessed" / tiny_dataset.NAME
            if job.name == "plan":
                planned = source / "preprocessed" / tiny_dataset.NAME
                shutil.copy(planned / "nnUNetPlans.json", preprocessed / f"{PLANS}.json")
                shutil.copy(planned / "dataset.json", preprocessed)
            elif job.name == "preprocess":
                folder = preprocessed / "nnUNetPlans_3d_fullres"
                shutil.copytree(source / "preprocessed" / tiny_dataset.NAME / folder.name, folder)
            elif job.name == "pace":
                write_json(Path(job.command[-1]), asdict(PACE))
            else:
                finish(Training(tiny_dataset.NAME, CONFIGURATION, "CSCNTrainer", PLANS, int(job.name[-1])), source)

    return names, run


def finish(training, source):
    """Put a trained model where the training would, which has predicted two cases as the reference has them."""
    model = source / "results" / tiny_dataset.NAME / f"CSCNTrainer__nnUNetPlans__{CONFIGURATION}"
    shutil.copytree(model, training.folder.parent, dirs_exist_ok=True)
    shutil.rmtree(training.folder.parent / "fold_1")
    validation = training.folder / "validation"
    validation.mkdir(exist_ok=True)
    for case in ("case_0", "case_1"):
        shutil.copy(source / "raw" / tiny_dataset.NAME / "labelsTr" / f"{case}.nii.gz", validation)
    scores = {"1": {"Dice": 1.0}, "2": {"Dice": 1.0}}
    cases = [{"reference_file": f"{case}.nii.gz", "metrics": scores} for case in ("case_0", "case_1")]
    write_json(validation / "summary.json", {"metric_per_case": cases, "foreground_mean": {"Dice": 1.0}})


def test_all_steps_are_done_once(root, made):
    names, run = made
    told = []
    found = train_automatically(901, CONFIGURATION, devices=["cpu"], run=run, on_estimate=told.append)
    assert names == ["plan", "preprocess", "pace", "CSCNTrainer fold 0"]
    assert told == [found.estimate]
    assert found.estimate.training_s == pytest.approx(20 * (100 * 0.5 + 10 * 0.2))
    assert found.report.is_file()
    assert "GTVp" in found.report.read_text(encoding="utf-8")
    assert found.model_card.is_file()
    again = train_automatically(901, CONFIGURATION, devices=["cpu"], run=run)
    assert names[4:] == []
    assert again.estimate is None
    assert again.report == found.report


def test_the_estimate_comes_without_the_training(root, made):
    names, run = made
    found = train_automatically(901, CONFIGURATION, devices=["cpu"], only_estimate=True, run=run)
    assert names == ["plan", "preprocess", "pace"]
    assert found.report is None
    train_automatically(901, CONFIGURATION, devices=["cpu"], only_estimate=True, run=run)
    assert names == ["plan", "preprocess", "pace"]  # measured once


def test_data_that_were_half_preprocessed_are_preprocessed_again(root, made, trained_models):
    names, run = made
    train_automatically(901, CONFIGURATION, devices=["cpu"], only_estimate=True, run=run)
    data = root / "preprocessed" / tiny_dataset.NAME / "nnUNetPlans_3d_fullres"
    shutil.rmtree(data)
    train_automatically(901, CONFIGURATION, devices=["cpu"], only_estimate=True, run=run)
    assert names[3:] == ["preprocess"]


def test_the_usual_configuration_is_that_at_full_resolution(root, made):
    _, run = made
    found = train_automatically(901, devices=["cpu"], only_estimate=True, run=run)
    assert [training.configuration for training in found.trainings] == ["3d_fullres"]


def test_the_staged_cascade_is_refused(root):
    with pytest.raises(ArgumentError, match="--staged"):
        train_automatically(901, trainer="CSCNStagedTrainer")


def test_an_unknown_trainer_is_refused_before_anything_is_made(root, made):
    names, run = made
    with pytest.raises(ArgumentError, match="CSCNTrainr"):
        train_automatically(901, trainer="CSCNTrainr", devices=["cpu"], run=run)
    assert names == []


def test_a_gpu_that_the_machine_lacks_is_refused_before_anything_is_made(root, made):
    names, run = made
    with pytest.raises(ArgumentError, match="cuda:99"):
        train_automatically(901, devices=["cuda:99"], run=run)
    assert names == []
