from pathlib import Path

import pytest

from nnunet_cscn.conversion import raw_dataset
from nnunet_cscn.conversion.hippocampus import HIPPOCAMPUS
from nnunet_cscn.conversion.sts import STS
from nnunet_cscn.errors import UserError


@pytest.mark.parametrize(
    ("dataset_id", "name"), [(None, "Dataset902_STS"), (7, "Dataset007_STS"), (999, "Dataset999_STS")]
)
def test_the_folder_name_has_a_number_of_three_digits(dataset_id, name):
    assert raw_dataset.folder_name(STS, dataset_id) == name


@pytest.mark.parametrize("dataset_id", [0, -1, 1000])
def test_numbers_that_nnunet_cannot_take_are_refused(dataset_id):
    with pytest.raises(UserError, match=f"dataset_id: expected a number from 1 to 999, got {dataset_id}"):
        raw_dataset.folder_name(STS, dataset_id)


def test_images_carry_the_channel_and_labels_do_not():
    folder = Path("Dataset902_STS")
    assert raw_dataset.image_path(folder, "STS_001") == folder / "imagesTr" / "STS_001_0000.nii.gz"
    assert raw_dataset.image_path(folder, "STS_001", 1) == folder / "imagesTr" / "STS_001_0001.nii.gz"
    assert raw_dataset.label_path(folder, "STS_001") == folder / "labelsTr" / "STS_001.nii.gz"


def test_the_sarcoma_is_described_as_mr_with_one_tumour_label_and_its_licence():
    content = raw_dataset.dataset_json(STS, case_count=41)
    assert content["channel_names"] == {"0": "T1"}
    assert content["labels"] == {"background": 0, "GTV": 1}
    assert content["numTraining"] == 41
    assert content["file_ending"] == ".nii.gz"
    assert content["licence"] == "CC BY 3.0"
    assert "10.7937/K9/TCIA.2015.7GO2GSKS" in content["reference"]


def test_the_hippocampus_is_described_with_two_labels_and_its_licence():
    content = raw_dataset.dataset_json(HIPPOCAMPUS, case_count=200)
    assert content["labels"] == {"background": 0, "anterior": 1, "posterior": 2}
    assert content["licence"] == "CC BY-SA 4.0"


def test_a_number_that_another_data_set_has_is_refused(tmp_path):
    (tmp_path / "Dataset902_Other").mkdir()
    with pytest.raises(UserError, match="Dataset902_Other"):
        raw_dataset.check_number_is_free(tmp_path / "Dataset902_STS")


def test_the_data_set_itself_does_not_occupy_its_number(tmp_path):
    (tmp_path / "Dataset902_STS").mkdir()
    (tmp_path / "Dataset903_Other").mkdir()
    raw_dataset.check_number_is_free(tmp_path / "Dataset902_STS")


@pytest.mark.parametrize("foreign", ["imagesTr/b_0000.nii.gz", "imagesTr/a_0001.nii.gz", "labelsTr/b.nii.gz"])
def test_files_of_other_cases_are_refused(tmp_path, foreign):
    for name in ("imagesTr/a_0000.nii.gz", "labelsTr/a.nii.gz", foreign):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(UserError, match=rf"{Path(foreign).name}; 1 in all"):
        raw_dataset.check_no_other_cases(tmp_path, ["a"])


def test_hidden_leftovers_of_a_killed_run_are_no_cases(tmp_path):
    (tmp_path / "imagesTr").mkdir()
    (tmp_path / "imagesTr" / ".1234abcd.a_0000.nii.gz").touch()
    raw_dataset.check_no_other_cases(tmp_path, ["a"])
