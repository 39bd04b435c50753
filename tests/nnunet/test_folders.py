import pytest

from nnunet_cscn.errors import UserError
from nnunet_cscn.nnunet import folders as nnunet_folders


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """nnU-Net's three folders, with one preprocessed data set and one that is only raw."""
    for variable in nnunet_folders.FOLDER_VARIABLES:
        (tmp_path / variable).mkdir()
        monkeypatch.setenv(variable, str(tmp_path / variable))
    (tmp_path / "nnUNet_raw" / "Dataset901_NPC").mkdir()
    (tmp_path / "nnUNet_raw" / "Dataset004_Hippocampus").mkdir()
    (tmp_path / "nnUNet_preprocessed" / "Dataset901_NPC").mkdir()
    return tmp_path


@pytest.mark.parametrize("variable", nnunet_folders.FOLDER_VARIABLES)
@pytest.mark.parametrize("value", [None, "", " "])
def test_a_missing_variable_is_named_with_its_remedy(monkeypatch, variable, value):
    if value is None:
        monkeypatch.delenv(variable, raising=False)
    else:
        monkeypatch.setenv(variable, value)
    with pytest.raises(UserError, match=f"{variable} is not set"):
        nnunet_folders.folder_from_environment(variable)


def test_a_variable_that_names_no_folder_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("nnUNet_raw", str(tmp_path / "absent"))
    with pytest.raises(UserError, match="is not a folder"):
        nnunet_folders.raw_folder()


def test_each_folder_comes_from_its_own_variable(folders):
    assert nnunet_folders.raw_folder() == folders / "nnUNet_raw"
    assert nnunet_folders.preprocessed_folder() == folders / "nnUNet_preprocessed"
    assert nnunet_folders.results_folder() == folders / "nnUNet_results"


@pytest.mark.parametrize("dataset", [901, "901", " 901 ", "Dataset901_NPC"])
def test_a_data_set_is_found_by_number_and_by_name(folders, dataset):
    assert nnunet_folders.dataset_name(dataset) == "Dataset901_NPC"


@pytest.mark.parametrize("dataset", [4, "4", "004"])
def test_leading_zeros_do_not_matter(folders, dataset):
    assert nnunet_folders.dataset_name(dataset) == "Dataset004_Hippocampus"


def test_a_number_does_not_match_a_longer_one(folders):
    (folders / "nnUNet_raw" / "Dataset9010_Other").mkdir()
    assert nnunet_folders.dataset_name(901) == "Dataset901_NPC"


def test_an_unknown_data_set_is_refused_with_those_that_exist(folders):
    with pytest.raises(UserError, match=r"no data set 7.*Dataset004_Hippocampus, Dataset901_NPC"):
        nnunet_folders.dataset_name(7)


def test_text_that_is_neither_number_nor_name_is_refused(folders):
    with pytest.raises(UserError, match="'NPC': expected a number"):
        nnunet_folders.dataset_name("NPC")


def test_a_number_with_two_names_is_refused(folders):
    (folders / "nnUNet_results" / "Dataset901_Nose").mkdir()
    with pytest.raises(UserError, match=r"not unique.*Dataset901_NPC, Dataset901_Nose"):
        nnunet_folders.dataset_name(901)


def test_without_any_variable_the_three_are_named(monkeypatch):
    for variable in nnunet_folders.FOLDER_VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(UserError, match="none of nnUNet_raw"):
        nnunet_folders.dataset_name(901)


def test_data_set_folders_are_given_where_they_exist(folders):
    assert nnunet_folders.raw_dataset(4) == folders / "nnUNet_raw" / "Dataset004_Hippocampus"
    assert nnunet_folders.preprocessed_dataset(901) == folders / "nnUNet_preprocessed" / "Dataset901_NPC"


def test_a_data_set_that_is_not_preprocessed_yet_comes_with_the_command_to_run(folders):
    with pytest.raises(UserError, match="Dataset004_Hippocampus is not in nnUNet_preprocessed"):
        nnunet_folders.preprocessed_dataset(4)


def test_a_data_set_without_results_is_told_to_be_trained(folders):
    with pytest.raises(UserError, match="train first"):
        nnunet_folders.results_dataset(901)


def test_a_model_folder_is_found_by_its_three_names(folders):
    model = folders / "nnUNet_results" / "Dataset901_NPC" / "CSCNTrainer__nnUNetPlans__3d_fullres"
    model.mkdir(parents=True)
    names = {"trainer": "CSCNTrainer", "plans": "nnUNetPlans", "configuration": "3d_fullres"}
    assert nnunet_folders.model_folder(901, **names) == model
    with pytest.raises(
        UserError, match=r"no model CSCNTrainer__nnUNetPlans__2d.*available: CSCNTrainer__nnUNetPlans__3d"
    ):
        nnunet_folders.model_folder(901, **(names | {"configuration": "2d"}))
