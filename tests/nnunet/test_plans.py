import json

import pytest

from nnunet_cscn.errors import UserError
from nnunet_cscn.nnunet import plans as nnunet_plans


@pytest.fixture
def preprocessed(empty_nnunet_folders):
    folder = empty_nnunet_folders["nnUNet_preprocessed"] / "Dataset901_NPC"
    folder.mkdir()
    plans = {"plans_name": "nnUNetPlans", "configurations": {"2d": {}, "3d_fullres": {"batch_size": 2}}}
    (folder / "nnUNetPlans.json").write_text(json.dumps(plans))
    (folder / "dataset.json").write_text("{}")
    return folder


@pytest.mark.parametrize("name", ["nnUNetPlans", "nnUNetPlans.json"])
def test_plans_are_read_by_name(preprocessed, name):
    assert nnunet_plans.read_plans(901, name)["configurations"]["3d_fullres"] == {"batch_size": 2}


def test_unknown_plans_are_refused_with_those_that_exist(preprocessed):
    with pytest.raises(UserError, match=r"no plans Mine.*nnUNetPlans"):
        nnunet_plans.read_plans(901, "Mine")


@pytest.mark.parametrize("content", ["{}", "[]", '{"configurations": []}'])
def test_a_file_without_configurations_is_no_plans_file(tmp_path, content):
    (tmp_path / "plans.json").write_text(content)
    with pytest.raises(UserError, match="contains no nnU-Net plans"):
        nnunet_plans.read_plans_file(tmp_path / "plans.json")


def test_a_truncated_plans_file_is_told_as_invalid_json(tmp_path):
    (tmp_path / "plans.json").write_text('{"configurations": {')
    with pytest.raises(UserError, match="not valid JSON"):
        nnunet_plans.read_plans_file(tmp_path / "plans.json")


def test_an_absent_plans_file_is_a_users_mistake(tmp_path):
    with pytest.raises(UserError, match="cannot be read: No such file"):
        nnunet_plans.read_plans_file(tmp_path / "plans.json")


def test_a_configuration_inherits_through_several_steps():
    plans = {
        "configurations": {
            "a": {"patch_size": [8, 8, 8], "batch_size": 2, "spacing": [1, 1, 1]},
            "b": {"inherits_from": "a", "batch_size": 4},
            "c": {"inherits_from": "b", "spacing": [3, 1, 1]},
        }
    }
    resolved = nnunet_plans.configuration_from_plans(plans, "c")
    assert resolved == {"patch_size": [8, 8, 8], "batch_size": 4, "spacing": [3, 1, 1], "inherits_from": "b"}
    assert plans["configurations"]["a"] == {"patch_size": [8, 8, 8], "batch_size": 2, "spacing": [1, 1, 1]}


def test_an_unknown_configuration_is_refused_with_those_that_exist():
    with pytest.raises(UserError, match=r"no configuration 3d.*2d, 3d_fullres"):
        nnunet_plans.configuration_from_plans({"configurations": {"2d": {}, "3d_fullres": {}}}, "3d")


def test_an_unknown_parent_is_named_with_its_child():
    with pytest.raises(UserError, match=r"no configuration gone .*2d"):
        nnunet_plans.configuration_from_plans({"configurations": {"2d": {"inherits_from": "gone"}}}, "2d")


def test_inheritance_in_a_circle_is_refused():
    plans = {"configurations": {"a": {"inherits_from": "b"}, "b": {"inherits_from": "a"}}}
    with pytest.raises(UserError, match="circular: a -> b -> a"):
        nnunet_plans.configuration_from_plans(plans, "a")
