"""Prepare a real data set with nnU-Net's own commands, in separate processes."""

import hashlib
import json
import shutil

import pytest

import tiny_dataset
from nnunet_cscn.errors import UserError
from nnunet_cscn.execution import jobs
from nnunet_cscn.execution.jobs import run_jobs
from nnunet_cscn.execution.local import LocalExecutor
from nnunet_cscn.files import write_json
from nnunet_cscn.paper.configuration import CONFIGURATION, PLANS, PaperOptions
from nnunet_cscn.paper.preparation import Preparation, patients_of
from nnunet_cscn.protocol.splits import FILE

COARSE = PaperOptions(spacing_mm=(2.0, 2.0, 2.0), features=4, batch_size=2)


@pytest.fixture(scope="module")
def _planned(tmp_path_factory):
    root = tmp_path_factory.mktemp("planned")
    tiny_dataset.make(root, "labels")
    tiny_dataset.add_cases(root, 6, 7)
    return root


@pytest.fixture
def folders(_planned, tmp_path, monkeypatch):
    shutil.copytree(_planned, tmp_path / "nnunet")
    for name in ("raw", "preprocessed", "results"):
        (tmp_path / "nnunet" / name).mkdir(exist_ok=True)
        monkeypatch.setenv(f"nnUNet_{name}", str(tmp_path / "nnunet" / name))
    monkeypatch.setattr(jobs, "POLL_SECONDS", 0.02)
    return tmp_path / "nnunet"


@pytest.fixture
def preparation(folders):
    return Preparation(tiny_dataset.NAME, CONFIGURATION)


def digests(folder):
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def test_nnunets_own_plans_data_and_folds_survive(folders, preparation):
    preprocessed = folders / "preprocessed" / tiny_dataset.NAME
    before = digests(preprocessed)
    assert any(name.startswith("nnUNetPlans_3d_fullres") for name in before)
    preparation.write_splits()
    assert preparation.write_plans(COARSE)
    job = preparation.preprocessing()
    run_jobs(LocalExecutor(["cpu"]), [job])
    preparation.mark_preprocessed()
    after = digests(preprocessed)
    assert before.items() <= after.items()
    own = {name.split("/")[0] for name in after.keys() - before.keys() if "gt_segmentations" not in name}
    assert own == {f"{PLANS}.json", FILE, f"{PLANS}_{CONFIGURATION}", "cscn"}
    data = preprocessed / f"{PLANS}_{CONFIGURATION}"
    assert sorted(file.stem for file in data.glob("*.pkl")) == [f"case_{i}" for i in range(8)]
    assert preparation.preprocessing() is None  # the second call has nothing to do
    assert not preparation.write_plans(COARSE)


@pytest.fixture
def seemingly_preprocessed(folders, preparation):
    """The configuration, with the files that preprocessing writes."""
    preparation.write_plans(COARSE)
    data = folders / "preprocessed" / tiny_dataset.NAME / f"{PLANS}_{CONFIGURATION}"
    data.mkdir()
    for i in range(8):
        (data / f"case_{i}.pkl").touch()
    preparation.mark_preprocessed()
    assert preparation.preprocessing() is None
    return data


def corrected_contour(raw):
    shutil.copy(raw / "labelsTr" / "case_1.nii.gz", raw / "labelsTr" / "case_0.nii.gz")


def another_case(raw):
    shutil.copy(raw / "labelsTr" / "case_0.nii.gz", raw / "labelsTr" / "case_9.nii.gz")


def another_meaning(raw):
    description = json.loads((raw / "dataset.json").read_text())
    write_json(raw / "dataset.json", {**description, "labels": {"background": 0, "GTVp": 1, "ignore": 2}})


@pytest.mark.parametrize("change", [corrected_contour, another_case, another_meaning])
def test_data_are_made_again_when_what_they_come_from_changed(folders, preparation, seemingly_preprocessed, change):
    change(folders / "raw" / tiny_dataset.NAME)
    assert preparation.preprocessing() is not None
    assert preparation.preprocessing() is not None  # also if preprocessing was interrupted


def test_data_are_made_again_when_a_case_is_missing_or_the_spacing_changed(preparation, seemingly_preprocessed):
    preparation.write_plans(PaperOptions(spacing_mm=(3.0, 3.0, 3.0), features=4, batch_size=2), overwrite=True)
    assert preparation.preprocessing() is not None
    preparation.write_plans(COARSE, overwrite=True)
    assert preparation.preprocessing() is not None  # the marker was deleted when the job was returned
    preparation.mark_preprocessed()
    (seemingly_preprocessed / "case_3.pkl").unlink()
    assert preparation.preprocessing() is not None


def test_another_configuration_of_that_name_is_replaced_only_when_asked(preparation):
    preparation.write_plans(COARSE)
    with pytest.raises(UserError, match="overwrite=True"):
        preparation.write_plans(PaperOptions())
    assert preparation.write_plans(PaperOptions(), overwrite=True)


@pytest.mark.parametrize("budget", [1, 0.05])
def test_data_that_models_were_trained_on_are_kept(folders, preparation, seemingly_preprocessed, budget):
    name = preparation.write_budget(budget)
    (folders / "results" / tiny_dataset.NAME / f"CSCNPaperTrainer__{PLANS}__{name}").mkdir(parents=True)
    corrected_contour(folders / "raw" / tiny_dataset.NAME)
    with pytest.raises(UserError, match="preprocessed data changed"):
        preparation.preprocessing()
    assert len(list(seemingly_preprocessed.iterdir())) == 8


def test_plans_of_a_data_set_that_was_planned_anew_are_written_anew(folders, preparation):
    preparation.write_plans(COARSE)
    stock = folders / "preprocessed" / tiny_dataset.NAME / "nnUNetPlans.json"
    write_json(stock, {**json.loads(stock.read_text()), "transpose_forward": [2, 0, 1]})
    model = folders / "results" / tiny_dataset.NAME / f"CNNPaperTrainer__{PLANS}__{CONFIGURATION}"
    model.mkdir(parents=True)
    with pytest.raises(UserError, match="plans of Dataset901_Tiny changed"):
        preparation.write_plans(COARSE)
    model.rmdir()
    assert preparation.write_plans(COARSE)
    assert json.loads(preparation.plans_file.read_text())["transpose_forward"] == [2, 0, 1]


def test_plans_that_models_were_trained_with_are_kept(folders, preparation):
    preparation.write_plans(COARSE)
    model = folders / "results" / tiny_dataset.NAME / f"CSCNPaperTrainer__{PLANS}__{CONFIGURATION}"
    model.mkdir(parents=True)
    with pytest.raises(UserError, match="was trained with 3d_cscn_paper"):
        preparation.write_plans(PaperOptions(features=4), overwrite=True)


def test_a_budget_is_written_beside(preparation):
    with pytest.raises(UserError, match="`cscn paper prepare"):
        preparation.write_budget(0.05)
    preparation.write_plans(COARSE)
    assert preparation.write_budget(1) == CONFIGURATION
    assert preparation.write_budget(0.05) == f"{CONFIGURATION}_0p05"
    plans = json.loads(preparation.plans_file.read_text())
    assert list(plans["configurations"]) == [CONFIGURATION, f"{CONFIGURATION}_0p05"]


def test_splits_follow_the_patients(folders, preparation):
    raw = folders / "raw" / tiny_dataset.NAME
    write_json(raw / "patients.json", {f"case_{i}": f"patient_{min(i, 6)}" for i in range(8)})
    assert patients_of(raw)["case_7"] == "patient_6"
    for split in preparation.write_splits():
        for part in (split.train, split.validation, split.test):
            assert ("case_6" in part) == ("case_7" in part)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"case_0": "a"}, "lacks case_1, case_2"),
        (["case_0"], "is no table of cases"),
        ({f"case_{i}": "a" if i else None for i in range(8)}, "lacks case_0"),
    ],
)
def test_a_patients_file_that_does_not_serve_is_refused(folders, content, reason):
    raw = folders / "raw" / tiny_dataset.NAME
    write_json(raw / "patients.json", content)
    with pytest.raises(UserError, match=rf"patients\.json {reason}"):
        patients_of(raw)


def test_too_few_patients_are_refused(folders, preparation):
    raw = folders / "raw" / tiny_dataset.NAME
    write_json(raw / "patients.json", {f"case_{i}": f"patient_{i % 3}" for i in range(8)})
    with pytest.raises(UserError, match="7 patients"):
        preparation.write_splits()


def test_data_that_the_table_can_not_read_are_refused(folders):
    raw = folders / "raw" / tiny_dataset.NAME
    write_json(raw / "dataset.json", {**json.loads((raw / "dataset.json").read_text()), "file_ending": ".nrrd"})
    with pytest.raises(UserError, match=r"contains \.nrrd files"):
        patients_of(raw)
