import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from nnunet_cscn.conversion.paired_folders import convert
from nnunet_cscn.conversion.raw_dataset import DatasetDescription
from nnunet_cscn.errors import UserError

TINY = DatasetDescription(
    number=950,
    name="Tiny",
    title="Made for tests",
    channel_names=("T1",),
    labels=(("background", 0), ("tumour", 1)),
    licence="none",
    reference="none",
)


@pytest.fixture
def raw(tmp_path):
    return tmp_path / "raw"


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_images_and_8_bit_labels_arrive_byte_by_byte(paired_source, raw):
    done = convert(paired_source, TINY, raw_folder=raw)
    assert done.folder == raw / "Dataset950_Tiny"
    assert len(done.written) == 6
    for number in range(1, 7):
        image = paired_source / "images" / f"case_{number}.nii.gz"
        labels = paired_source / "labels" / f"case_{number}.nii.gz"
        assert (done.folder / "imagesTr" / f"case_{number}_0000.nii.gz").read_bytes() == image.read_bytes()
        assert (done.folder / "labelsTr" / f"case_{number}.nii.gz").read_bytes() == labels.read_bytes()


def test_labels_of_another_type_become_8_bit_with_the_same_voxels_and_geometry(paired_source, raw, write_volume):
    voxels = np.zeros((3, 5, 4), dtype=np.float64)
    voxels[1, 1:3, 2] = 1
    source = SimpleITK.ReadImage(str(write_volume(paired_source / "labels" / "case_2.nii.gz", voxels)))
    done = convert(paired_source, TINY, raw_folder=raw)
    target = SimpleITK.ReadImage(str(done.folder / "labelsTr" / "case_2.nii.gz"))
    assert target.GetPixelID() == SimpleITK.sitkUInt8
    assert np.array_equal(SimpleITK.GetArrayFromImage(target), voxels)
    assert target.GetSpacing() == pytest.approx(source.GetSpacing())
    assert target.GetOrigin() == pytest.approx(source.GetOrigin())
    assert target.GetDirection() == pytest.approx(source.GetDirection())


def test_the_dataset_json_counts_the_cases(paired_source, raw):
    done = convert(paired_source, TINY, raw_folder=raw)
    assert json.loads((done.folder / "dataset.json").read_text())["numTraining"] == 6


def test_the_folds_stand_beside_the_data(paired_source, raw):
    folder = convert(paired_source, TINY, raw_folder=raw).folder
    assert json.loads((folder / "splits_final.json").read_text())[0]["val"] == ["case_1", "case_6"]


def test_a_second_run_changes_nothing(paired_source, raw, write_volume):
    write_volume(paired_source / "labels" / "case_2.nii.gz", np.zeros((3, 5, 4), dtype=np.int32))
    folder = convert(paired_source, TINY, raw_folder=raw).folder
    times = {file: file.stat().st_mtime_ns for file in folder.rglob("*.nii.gz")}
    done = convert(paired_source, TINY, raw_folder=raw)
    assert done.written == ()
    assert len(done.unchanged) == 6
    assert {file: file.stat().st_mtime_ns for file in folder.rglob("*.nii.gz")} == times


def test_a_missing_file_is_made_again(paired_source, raw):
    folder = convert(paired_source, TINY, raw_folder=raw).folder
    (folder / "labelsTr" / "case_3.nii.gz").unlink()
    assert convert(paired_source, TINY, raw_folder=raw).written == ("case_3",)


@pytest.mark.parametrize("changed", ["imagesTr/case_3_0000.nii.gz", "labelsTr/case_3.nii.gz"])
def test_a_file_that_differs_is_replaced_only_on_request(paired_source, raw, write_volume, changed):
    folder = convert(paired_source, TINY, raw_folder=raw).folder
    right = (folder / changed).read_bytes()
    mine = write_volume(folder / changed, np.ones((3, 5, 4), dtype=np.uint8)).read_bytes()
    with pytest.raises(UserError, match=r"case_3: .*differs from the source: remove it or pass --overwrite"):
        convert(paired_source, TINY, raw_folder=raw)
    assert (folder / changed).read_bytes() == mine
    convert(paired_source, TINY, raw_folder=raw, overwrite=True)
    assert (folder / changed).read_bytes() == right


def test_all_bad_cases_are_listed_with_reasons_and_good_ones_are_kept(paired_source, raw, write_volume):
    write_volume(paired_source / "labels" / "case_1.nii.gz", np.full((3, 5, 4), 7, dtype=np.uint8))
    write_volume(paired_source / "labels" / "case_2.nii.gz", np.zeros((3, 5, 5), dtype=np.uint8))
    (paired_source / "images" / "case_3.nii.gz").write_bytes(b"no NIfTI")
    (paired_source / "labels" / "case_4.nii.gz").unlink()
    (paired_source / "images" / "case_5.nii.gz").unlink()
    with pytest.raises(UserError) as refused:
        convert(paired_source, TINY, raw_folder=raw)
    text = str(refused.value)
    assert "5 cases can't be converted" in text
    assert "case_1: labels hold the values 7" in text
    assert "case_2: the labels have shape (5, 5, 3), the image has (4, 5, 3)" in text
    assert "case_3: the file can't be read" in text
    assert "case_4: has an image and no labels" in text
    assert "case_5: has labels and no image" in text
    assert sorted(_contents(raw)) == [
        "Dataset950_Tiny/imagesTr/case_6_0000.nii.gz",
        "Dataset950_Tiny/labelsTr/case_6.nii.gz",
    ]


def test_other_folds_are_found_before_anything_is_written(paired_source, raw, tmp_path):
    splits = tmp_path / "preprocessed" / "Dataset950_Tiny" / "splits_final.json"
    splits.parent.mkdir(parents=True)
    splits.write_text("[]")
    with pytest.raises(UserError, match="holds other folds"):
        convert(paired_source, TINY, raw_folder=raw, preprocessed_folder=tmp_path / "preprocessed")
    assert not raw.exists()
    assert splits.read_text() == "[]"


def test_another_number_gives_another_folder(paired_source, raw):
    assert convert(paired_source, TINY, raw_folder=raw, dataset_id=7).folder == raw / "Dataset007_Tiny"


def test_the_layout_of_the_decathlon_is_read_without_its_hidden_files(paired_source, raw):
    (paired_source / "images").rename(paired_source / "imagesTr")
    (paired_source / "labels").rename(paired_source / "labelsTr")
    (paired_source / "imagesTr" / "._case_1.nii.gz").touch()
    assert len(convert(paired_source, TINY, raw_folder=raw).written) == 6


def test_another_layout_is_refused_with_what_was_found(tmp_path, raw):
    (tmp_path / "source" / "scans").mkdir(parents=True)
    with pytest.raises(UserError, match=r"expected a folder with images or imagesTr in it, found scans"):
        convert(tmp_path / "source", TINY, raw_folder=raw)
    with pytest.raises(UserError, match="found no folder"):
        convert(tmp_path / "absent", TINY, raw_folder=raw)


def test_a_folder_without_images_is_refused(tmp_path, raw):
    for name in ("images", "labels"):
        (tmp_path / "source" / name).mkdir(parents=True)
    with pytest.raises(UserError, match=r"holds no \.nii\.gz file"):
        convert(tmp_path / "source", TINY, raw_folder=raw)


def test_progress_is_reported_for_each_case(paired_source, raw):
    reported = []
    convert(paired_source, TINY, raw_folder=raw, on_start=reported.append, on_case=lambda: reported.append("case"))
    assert reported == [6] + ["case"] * 6
