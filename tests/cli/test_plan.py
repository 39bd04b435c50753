import json
import multiprocessing
from multiprocessing.pool import ThreadPool
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

import fingerprinted_dataset
from nnunet_cscn.cli.main import app
from nnunet_cscn.files import write_json

SMALL = ("--gpu-memory", "0.5")


@pytest.fixture
def raw(empty_nnunet_folders):
    return fingerprinted_dataset.write_raw(empty_nnunet_folders["nnUNet_raw"])


@pytest.fixture
def folder(raw, empty_nnunet_folders):
    return fingerprinted_dataset.write_fingerprint(empty_nnunet_folders["nnUNet_preprocessed"])


def plan(*arguments):
    shown = CliRunner().invoke(app, ["plan", "-d", "901", *SMALL, *arguments])
    assert shown.exit_code == 0, shown.output
    return shown.output


def test_plans_are_written_and_the_next_commands_named(folder):
    shown = plan()
    plans = json.loads((folder / "nnUNetCSCNPlans.json").read_text())
    assert plans["plans_name"] == "nnUNetCSCNPlans"
    assert plans["experiment_planner_used"] == "CSCNPlanner"
    patch = plans["configurations"]["3d_fullres"]["patch_size"]
    assert " x ".join(map(str, patch)) in shown
    assert "next: nnUNetv2_preprocess -d 901 -plans_name nnUNetCSCNPlans -c 3d_fullres" in shown
    assert f"next: nnUNetv2_train {folder.name} 3d_fullres 0 -tr CSCNTrainer -p nnUNetCSCNPlans" in shown


def test_data_that_are_there_are_not_preprocessed_again(folder):
    (folder / "nnUNetPlans_3d_fullres").mkdir()
    assert "nnUNetv2_preprocess" not in plan()


def test_a_residual_encoder_has_plans_of_its_own(folder):
    plan("--residual")
    plans = json.loads((folder / "nnUNetCSCNResEncPlans.json").read_text())
    name = plans["configurations"]["3d_fullres"]["architecture"]["network_class_name"]
    assert name.endswith(".ResidualEncoderUNet")


def test_configurations_of_the_users_own_stay_in_the_plans(folder):
    own = {"inherits_from": "3d_fullres", "batch_size": 3}
    content = {"experiment_planner_used": "CSCNPlanner", "configurations": {"3d_mine": own}}
    write_json(folder / "myPlans.json", content)
    plan("-p", "myPlans")
    assert json.loads((folder / "myPlans.json").read_text())["configurations"]["3d_mine"] == own


def test_derived_configurations_are_shown_with_what_they_inherit(folder):
    plan()
    file = folder / "nnUNetCSCNPlans.json"
    plans = json.loads(file.read_text())
    plans["configurations"]["3d_mine"] = {"inherits_from": "3d_fullres", "patch_size": [4, 8, 8]}
    write_json(file, plans)
    assert "4 x 8 x 8" in plan()


def test_plans_of_trained_models_are_never_replaced(folder, empty_nnunet_folders, refused):
    plan()
    before = (folder / "nnUNetCSCNPlans.json").read_bytes()
    model = empty_nnunet_folders["nnUNet_results"] / folder.name / "CSCNTrainer__nnUNetCSCNPlans__3d_fullres"
    model.mkdir(parents=True)
    shown = refused("plan", "-d", "901", "--gpu-memory", "4")
    assert f"{model} was trained with nnUNetCSCNPlans" in shown
    assert (folder / "nnUNetCSCNPlans.json").read_bytes() == before


def test_the_next_command_names_the_number_of_a_data_set_given_by_name(folder):
    shown = CliRunner().invoke(app, ["plan", "-d", folder.name, *SMALL])
    assert "nnUNetv2_preprocess -d 901" in shown.output


def test_a_missing_fingerprint_is_extracted_first(raw, empty_nnunet_folders, monkeypatch):
    from nnunetv2.experiment_planning.dataset_fingerprint.fingerprint_extractor import DatasetFingerprintExtractor

    initialise = DatasetFingerprintExtractor.__init__

    def with_few_voxels(self, *args, **kwargs):
        initialise(self, *args, **kwargs)
        self.num_foreground_voxels_for_intensitystats = 1000  # nnU-Net samples ten million

    # threads instead of spawned processes, each of which would import nnU-Net first
    monkeypatch.setattr(multiprocessing, "get_context", lambda _method=None: SimpleNamespace(Pool=ThreadPool))
    monkeypatch.setattr(DatasetFingerprintExtractor, "__init__", with_few_voxels)
    folder = empty_nnunet_folders["nnUNet_preprocessed"] / raw.name
    plan()
    fingerprint = json.loads((folder / "dataset_fingerprint.json").read_text())
    assert fingerprint["spacings"] == [[3.0, 1.0, 1.0]]
    assert (folder / "nnUNetCSCNPlans.json").is_file()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["-d", "902"], "contain no data set 902; available: Dataset901_Tiny"),
        (["-d", "Tiny"], "data set 'Tiny': expected a number such as 901"),
        (["-d", "901", "--gpu-memory", "0"], "--gpu-memory: expected at least 0.5 GB, got 0"),
        (["-d", "901", "--gpu-memory", "-8"], "--gpu-memory: expected at least 0.5 GB, got -8"),
        (["-d", "901", "--gpu-memory", "nan"], "--gpu-memory: expected at least 0.5 GB, got nan"),
        (["-d", "901", "--gpu-memory", "inf"], "--gpu-memory: expected at least 0.5 GB, got inf"),
        (["-d", "901", "-p", "../myPlans"], "--plans ../myPlans: "),
        (["-d", "901", "-p", "my__Plans"], "--plans my__Plans: "),
        (["-d", "901", "-p", "nnUNetPlans"], "choose another name with --plans"),
    ],
)
def test_mistakes_end_with_status_2_and_no_plans(folder, refused, arguments, sentence):
    assert sentence in refused("plan", *arguments)
    assert [file.name for file in folder.iterdir()] == ["dataset_fingerprint.json"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "dataset.json is not valid JSON"),
        ("[]", "dataset.json has no valid channel_names, labels, numTraining, file_ending"),
        ('{"channel_names": {"0": "MRI"}, "numTraining": 5, "file_ending": ".nii.gz"}', "has no valid labels"),
        (
            '{"channel_names": {"0": "MRI"}, "numTraining": 5, "file_ending": ".nii.gz", "labels": {"GTVp": 1}}',
            "labels: expected 'background' with the value 0, got None",
        ),
    ],
)
def test_a_broken_dataset_json_is_refused(folder, raw, refused, content, sentence):
    (raw / "dataset.json").write_text(content)
    assert sentence in refused("plan", "-d", "901", *SMALL)


@pytest.mark.parametrize("variable", ["nnUNet_raw", "nnUNet_preprocessed"])
def test_a_missing_path_is_named_with_its_remedy(folder, monkeypatch, refused, variable):
    monkeypatch.delenv(variable)
    assert f"{variable} is not set" in refused("plan", "-d", "901")
    monkeypatch.setenv(variable, "/nowhere/at/all")
    assert f"{variable}=/nowhere/at/all is not a folder" in refused("plan", "-d", "901")


def test_a_data_set_that_has_no_raw_data_is_refused(folder, raw, refused):
    raw.rename(raw.with_name("elsewhere"))
    assert "is not in nnUNet_raw" in refused("plan", "-d", "901")


def test_another_planners_plans_are_never_replaced(folder, refused):
    file = folder / "nnUNetResEncUNetMPlans.json"
    write_json(file, {"experiment_planner_used": "nnUNetPlannerResEncM", "configurations": {}})
    before = file.read_text()
    shown = refused("plan", "-d", "901", *SMALL, "-p", "nnUNetResEncUNetMPlans")
    assert f"{file} contains plans made by nnUNetPlannerResEncM" in shown
    assert file.read_text() == before
