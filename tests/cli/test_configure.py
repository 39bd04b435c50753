import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nnunet_cscn.cli.main import app

UNET = {
    "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
    "arch_kwargs": {
        "n_stages": 2,
        "features_per_stage": [8, 16],
        "kernel_sizes": [[3, 3, 3], [3, 3, 3]],
        "strides": [[1, 1, 1], [2, 2, 2]],
        "n_conv_per_stage": [2, 2],
        "n_conv_per_stage_decoder": [2],
    },
    "_kw_requires_import": [],
}


@pytest.fixture
def plans_file(empty_nnunet_folders):
    file = empty_nnunet_folders["nnUNet_preprocessed"] / "Dataset901_NPC" / "nnUNetPlans.json"
    file.parent.mkdir()
    fullres = {
        "data_identifier": "nnUNetPlans_3d_fullres",
        "batch_size": 2,
        "patch_size": [16, 16, 16],
        "spacing": [1.0, 1.0, 1.0],
        "median_image_size_in_voxels": [30.0, 30.0, 30.0],
        "architecture": UNET,
    }
    configurations = {"3d_fullres": fullres, "3d_cascade_fullres": {"inherits_from": "3d_fullres"}}
    file.write_text(json.dumps({"plans_name": "nnUNetPlans", "configurations": configurations, "kept": "as it is"}))
    return file


def configure(*arguments):
    shown = CliRunner().invoke(app, ["configure", "901", "3d_fullres", *arguments])
    assert shown.exit_code == 0, shown.output
    return shown.output


def configurations(file):
    return json.loads(file.read_text())["configurations"]


def test_a_new_configuration_stands_in_the_plans_beside_what_was_there(plans_file):
    before = json.loads(plans_file.read_text())
    shown = configure("3d_quick", "--set", "epochs=50", "--set", "loss.gamma=1", "--batch-size", "4")
    assert f"3d_quick written to {plans_file}" in shown
    after = json.loads(plans_file.read_text())
    entry = after["configurations"].pop("3d_quick")
    assert entry == {"inherits_from": "3d_fullres", "cscn": {"epochs": 50, "loss": {"gamma": 1}}, "batch_size": 4}
    assert after == before


def test_patch_and_features_are_planned_anew(plans_file):
    configure("3d_quick", "--patch-size", "8,16,16", "--features", "4", "--max-features", "6")
    entry = configurations(plans_file)["3d_quick"]
    assert entry["patch_size"] == [8, 16, 16]
    assert entry["architecture"]["arch_kwargs"]["features_per_stage"][:2] == [4, 6]


def test_another_spacing_names_the_command_that_makes_its_data(plans_file):
    shown = configure("3d_fine", "--spacing", "2,0.5,0.5")
    assert "nnUNetv2_preprocess -d 901 -plans_name nnUNetPlans -c 3d_fine" in shown
    assert configurations(plans_file)["3d_fine"]["data_identifier"] == "nnUNetPlans_3d_fine"


def test_the_same_again_changes_nothing(plans_file):
    configure("3d_quick", "--set", "epochs=50")
    before = plans_file.stat()
    assert "3d_quick stands in" in configure("3d_quick", "--set", "epochs=50")
    assert plans_file.stat().st_mtime_ns == before.st_mtime_ns


def test_other_settings_under_the_same_name_need_overwrite(plans_file, refused):
    configure("3d_quick", "--set", "epochs=50")
    shown = refused("configure", "901", "3d_fullres", "3d_quick", "--set", "epochs=5")
    assert "choose another name or add --overwrite" in shown
    assert configurations(plans_file)["3d_quick"]["cscn"] == {"epochs": 50}
    configure("3d_quick", "--set", "epochs=5", "--overwrite")
    assert configurations(plans_file)["3d_quick"]["cscn"] == {"epochs": 5}


def test_a_configuration_that_models_were_trained_with_is_never_replaced(plans_file, empty_nnunet_folders, refused):
    configure("3d_quick", "--set", "epochs=50")
    model = empty_nnunet_folders["nnUNet_results"] / "Dataset901_NPC" / "CSCNTrainer__nnUNetPlans__3d_quick"
    model.mkdir(parents=True)
    arguments = ["901", "3d_fullres", "3d_quick", "--set", "epochs=5", "--overwrite"]
    assert f"{model} was trained with 3d_quick" in refused("configure", *arguments)
    assert configurations(plans_file)["3d_quick"]["cscn"] == {"epochs": 50}
    model.rename(model.with_name("CSCNTrainer__nnUNetPlans__3d_quicker"))
    configure(*arguments[2:])


def test_a_configuration_that_a_trained_one_inherits_from_is_never_replaced(plans_file, empty_nnunet_folders, refused):
    configure("3d_quick", "--set", "epochs=50")
    shown = CliRunner().invoke(app, ["configure", "901", "3d_quick", "3d_heir", "--batch-size", "4"])
    assert shown.exit_code == 0, shown.output
    model = empty_nnunet_folders["nnUNet_results"] / "Dataset901_NPC" / "CSCNTrainer__nnUNetPlans__3d_heir"
    model.mkdir(parents=True)
    arguments = ["901", "3d_fullres", "3d_quick", "--set", "epochs=5", "--overwrite"]
    assert f"{model} was trained with 3d_quick" in refused("configure", *arguments)


@pytest.mark.parametrize("name", ["2d", "3d_fullres", "3d_lowres", "3d_cascade_fullres"])
def test_nnunets_own_names_are_reserved(plans_file, refused, name):
    before = plans_file.read_text()
    shown = refused("configure", "901", "3d_fullres", name, "--set", "epochs=5", "--overwrite")
    assert f"{name} is a configuration made by nnU-Net's planner" in shown
    assert plans_file.read_text() == before


def test_a_planners_configuration_by_any_name_is_kept(plans_file, refused):
    plans = json.loads(plans_file.read_text())
    plans["configurations"]["3d_custom"] = plans["configurations"]["3d_fullres"]
    plans_file.write_text(json.dumps(plans))
    shown = refused("configure", "901", "3d_fullres", "3d_custom", "--overwrite")
    assert "3d_custom is a configuration made by nnU-Net's planner" in shown


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["901", "3d_fullres", "3d quick"], "3d quick: "),
        (["901", "3d_fullres", "3d__quick"], "only letters, digits, - and single _"),
        (["901", "3d_fullres", "../quick"], "only letters, digits, - and single _"),
        (["901", "3d_fullres", "q" * 101], "qqqqqqqqqqqqqqqqqqqq...: use at most 100 letters"),
        (["901", "3d_fullres", "3d_quick", "--spacing", "1e-300,1,1"], "--spacing: expected a spacing with 1 to 4096"),
        (["902", "3d_fullres", "3d_quick"], "contain no data set 902; available: Dataset901_NPC"),
        (["901", "3d_nothing", "3d_quick"], "the plans have no configuration 3d_nothing; available: 3d_fullres"),
        (["901", "3d_fullres", "3d_quick", "-p", "otherPlans"], "has no plans otherPlans; available: nnUNetPlans"),
        (["901", "3d_fullres", "3d_quick", "--set", "epochs"], "--set: expected NAME=VALUE"),
        (["901", "3d_fullres", "3d_quick", "--set", "epoch=3"], "cscn.epoch: unknown option"),
        (["901", "3d_fullres", "3d_quick", "--set", "epochs=NaN"], "cscn.epochs: expected an integer, got nan"),
        (["901", "3d_fullres", "3d_quick", "--set", "fine.atrous_rates=[0]"], "expected at least one rate"),
        (["901", "3d_fullres", "3d_quick", "--patch-size", "8,8"], "--patch-size: expected 3 numbers"),
        (["901", "3d_fullres", "3d_quick", "--patch-size", "8x8x8"], "expected numbers separated by commas"),
        (["901", "3d_fullres", "3d_quick", "--patch-size", "8.5,8,8"], "expected numbers separated by commas"),
        (["901", "3d_fullres", "3d_quick", "--spacing", "1,0,1"], "--spacing: expected positive numbers, got 1, 0, 1"),
        (["901", "3d_fullres", "3d_quick", "--spacing", "1,nan,1"], "--spacing: expected positive numbers"),
        (["901", "3d_fullres", "3d_quick", "--features", "-4"], "--features: expected a number from 1 to 4096, got -4"),
        (["901", "3d_fullres", "3d_quick", "--batch-size", "0"], "--batch-size: expected a number from 1 to 4096"),
        (["901", "3d_fullres", "3d_quick", "--features", "100000000"], "--features: expected a number from 1 to 4096"),
        (["901", "3d_fullres", "3d_quick", "--patch-size", "1,1,8"], "expected at least 4 voxels along at least two"),
        (["901", "3d_fullres", "3d_quick", "--patch-size", "8,5000,8"], "expected at most 4096 voxels along an axis"),
    ],
)
def test_mistakes_end_with_status_2_and_leave_the_plans_untouched(plans_file, refused, arguments, sentence):
    before = plans_file.read_text()
    assert sentence in refused("configure", *arguments)
    assert plans_file.read_text() == before


def test_a_file_that_holds_no_plans_is_refused(plans_file, refused):
    plans_file.write_text("[]")
    assert "contains no nnU-Net plans" in refused("configure", "901", "3d_fullres", "3d_quick")
    plans_file.write_text("{")
    assert "is not valid JSON" in refused("configure", "901", "3d_fullres", "3d_quick")


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda plans: plans.pop("plans_name"), "the plans have no valid plans_name"),
        (lambda plans: plans["configurations"]["3d_fullres"].pop("spacing"), "the plans have no valid spacing"),
        (
            lambda plans: plans["configurations"]["3d_fullres"].update(architecture="U-Net"),
            "architecture: expected a block",
        ),
        (
            lambda plans: plans["configurations"]["3d_fullres"]["architecture"].pop("arch_kwargs"),
            "the plans have no valid arch_kwargs",
        ),
        (
            lambda plans: plans["configurations"]["3d_fullres"].pop("median_image_size_in_voxels"),
            "the plans have no valid median_image_size_in_voxels",
        ),
        (
            lambda plans: plans["configurations"].update({"3d_fullres": []}),
            "configuration 3d_fullres of the plans is not valid",
        ),
    ],
)
def test_damaged_plans_are_refused_with_a_remedy(plans_file, refused, damage, sentence):
    plans = json.loads(plans_file.read_text())
    damage(plans)
    plans_file.write_text(json.dumps(plans))
    shown = refused("configure", "901", "3d_fullres", "3d_quick", "--spacing", "2,1,1")
    assert sentence in shown
    assert "make new plans with `nnUNetv2_plan_experiment` or `cscn plan`" in shown


def test_the_plans_are_replaced_as_a_whole_or_not_at_all(plans_file, monkeypatch):
    before = plans_file.read_text()

    def fail(_source, _target):
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fail)
    shown = CliRunner().invoke(app, ["configure", "901", "3d_fullres", "3d_quick"])
    assert isinstance(shown.exception, OSError)
    assert plans_file.read_text() == before
    assert [file.name for file in plans_file.parent.iterdir()] == ["nnUNetPlans.json"]
