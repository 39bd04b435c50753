import json

import pytest

from nnunet_cscn.errors import UserError
from nnunet_cscn.planning.storing import check_configuration_name, store_configuration


@pytest.fixture
def plans_file(empty_nnunet_folders):
    file = empty_nnunet_folders["nnUNet_preprocessed"] / "Dataset901_A" / "nnUNetPlans.json"
    file.parent.mkdir()
    file.write_text(json.dumps({"configurations": {"base": {"batch_size": 2}, "heir": {"inherits_from": "base"}}}))
    return file


def store(file, name, entry, *, overwrite=False):
    return store_configuration(file, json.loads(file.read_text()), name, entry, overwrite=overwrite)


def configurations(file):
    return json.loads(file.read_text())["configurations"]


def test_a_new_configuration_is_written_beside_the_others(plans_file):
    assert store(plans_file, "new", {"batch_size": 4})
    assert configurations(plans_file)["new"] == {"batch_size": 4}
    assert list(configurations(plans_file)) == ["base", "heir", "new"]


def test_the_same_again_writes_nothing(plans_file):
    before = plans_file.stat().st_mtime_ns
    assert not store(plans_file, "base", {"batch_size": 2})
    assert plans_file.stat().st_mtime_ns == before


def test_another_one_is_replaced_only_when_asked(plans_file):
    with pytest.raises(UserError, match=r"base already exists in "):
        store(plans_file, "base", {"batch_size": 8})
    assert store(plans_file, "base", {"batch_size": 8}, overwrite=True)
    assert configurations(plans_file)["base"] == {"batch_size": 8}


@pytest.mark.parametrize("trained", ["base", "heir"])
def test_what_a_model_was_trained_with_is_never_replaced(plans_file, empty_nnunet_folders, trained):
    (empty_nnunet_folders["nnUNet_results"] / "Dataset901_A" / f"T__nnUNetPlans__{trained}").mkdir(parents=True)
    with pytest.raises(UserError, match=f"T__nnUNetPlans__{trained}.*base"):
        store(plans_file, "base", {"batch_size": 8}, overwrite=True)


@pytest.mark.parametrize("name", ["a b", "a__b", "", "a/b"])
def test_names_that_can_be_no_folders_are_refused(name):
    with pytest.raises(UserError, match="letters, digits"):
        check_configuration_name(name)


def test_nnunets_names_are_refused():
    with pytest.raises(UserError, match="3d_fullres"):
        check_configuration_name("3d_fullres")
