"""Folders of images; `tests/cli/test_predict.py` compares the files with those of nnU-Net's predictor."""

import json
import os
import shutil

import nibabel
import numpy as np
import pytest
import SimpleITK
from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO

import tiny_dataset
from nnunet_cscn.errors import ArgumentError, UserError
from nnunet_cscn.workflows.models import load_model
from nnunet_cscn.workflows.predict import predict_folder
from tiny_training import CONFIGURATION, set_folders


@pytest.fixture
def root(trained_models, monkeypatch):
    folder = trained_models("labels")
    set_folders(monkeypatch, folder)
    return folder


@pytest.fixture
def model(root):
    return load_model(901, CONFIGURATION, folds=(0,), device="cpu", mirroring=False)


@pytest.fixture
def images(root, tmp_path):
    (tmp_path / "in").mkdir()
    for case in (0, 1, 2):
        shutil.copy(root / "raw" / tiny_dataset.NAME / "imagesTr" / f"case_{case}_0000.nii.gz", tmp_path / "in")
    return tmp_path / "in"


def test_each_pass_is_counted_and_the_disagreement_returned(model, images, tmp_path):
    checked, predicted, compared = [], [], []
    found = predict_folder(
        model,
        str(images),
        str(tmp_path / "out"),
        uncertainty=True,
        on_checked=lambda *counts: checked.append(counts),
        on_progress=lambda *counts: predicted.append(counts),
        on_uncertainty=lambda *counts: compared.append(counts),
    )
    assert checked == predicted == compared == [(1, 3), (2, 3), (3, 3)]
    assert found.folder == tmp_path / "out"
    assert found.disagreement == json.loads((tmp_path / "out" / "uncertainty.json").read_text())["disagreement"]
    assert list(found.disagreement.values()) == sorted(found.disagreement.values(), reverse=True)


def test_parts_share_the_cases(model, images, tmp_path):
    parts = [predict_folder(model, images, tmp_path / "out", n_parts=2, part=part) for part in (0, 1)]
    assert [found.cases for found in parts] == [("case_0", "case_2"), ("case_1",)]
    assert [found.n_cases for found in parts] == [3, 3]
    assert predict_folder(model, images, tmp_path / "none", n_parts=4, part=3).cases == ()
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("arguments", "argument", "reason"),
    [
        ({"part": 2, "n_parts": 2}, "part", "expected a number from 0 to 1 for 2 parts, got 2"),
        ({"previous_stage": "nowhere"}, "previous_stage", "folder not found: nowhere"),
        ({"images": "nowhere"}, "images", "folder not found: nowhere"),
        ({"nan": float("inf")}, "nan", "expected a finite number, got inf"),
    ],
)
def test_wrong_arguments_are_named_and_nothing_is_written(model, images, tmp_path, arguments, argument, reason):
    with pytest.raises(ArgumentError) as refused:
        predict_folder(model, **{"images": images, "out": tmp_path / "out", **arguments})
    assert (refused.value.argument, refused.value.reason) == (argument, reason)
    assert not (tmp_path / "out").exists()


def test_a_single_network_can_not_disagree(root, images, tmp_path):
    model = load_model(901, CONFIGURATION, trainer="BUNetTrainer", folds=(0,), device="cpu")
    with pytest.raises(UserError, match="BUNetTrainer"):
        predict_folder(model, images, tmp_path / "out", uncertainty=True)
    assert not (tmp_path / "out").exists()


def write_nan(images):
    file = images / "case_1_0000.nii.gz"
    image = SimpleITK.ReadImage(str(file))
    voxels = SimpleITK.GetArrayFromImage(image)
    voxels[5, 5, 5] = np.nan
    changed = SimpleITK.GetImageFromArray(voxels)
    changed.CopyInformation(image)
    SimpleITK.WriteImage(changed, str(file))


def test_an_image_with_nan_is_refused_or_corrected(model, images, tmp_path):
    write_nan(images)
    with pytest.raises(ArgumentError, match=r"case_1 \(case_1_0000.nii.gz: 1 voxel\)"):
        predict_folder(model, images, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    predict_folder(model, images, tmp_path / "out", nan=0.0, uncertainty=True)
    assert sorted(file.name for file in (tmp_path / "out").glob("*.nii.gz")) == [f"case_{n}.nii.gz" for n in range(3)]


def test_one_case_with_values_beyond_32_bits_is_refused(model, images):
    file = images / "case_1_0000.nii.gz"
    image = nibabel.load(file)
    voxels = image.get_fdata()
    voxels[0, 0, 0] = 1e39
    nibabel.save(nibabel.Nifti1Image(voxels, image.affine), file)
    with pytest.raises(ArgumentError, match="beyond the range of float32"):
        model.predict_files([file])


def test_one_case_with_nan_is_refused(model, images):
    write_nan(images)
    with pytest.raises(ArgumentError, match="NaN or infinite"):
        model.predict_files([images / "case_1_0000.nii.gz"])


def test_cases_that_came_out_empty_are_named(model, images, tmp_path):
    predict_folder(model, images, tmp_path / "out")
    for case in ("case_0", "case_2"):  # what is there is kept, and looked at again
        write_labels(tmp_path / "out" / f"{case}.nii.gz", 0)
    write_labels(tmp_path / "out" / "case_1.nii.gz", 1)
    found = predict_folder(model, images, tmp_path / "out", overwrite=False)
    assert found.empty == ("case_0", "case_2")
    assert found.plausibility.endswith("2 of 3 predictions are empty: case_0, case_2")
    write_labels(tmp_path / "out" / "case_0.nii.gz", 2)
    write_labels(tmp_path / "out" / "case_2.nii.gz", 2)
    assert "every prediction" in predict_folder(model, images, tmp_path / "out", overwrite=False).plausibility


def write_labels(file, value):
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(np.full((12, 32, 32), value, np.uint8)), str(file))


def test_predictions_on_a_full_disk_are_named_and_not_left(model, images, tmp_path, monkeypatch):
    """ITK writes what fits, and reports nothing."""
    written = SimpleITKIO.write_seg

    def cut(self, voxels, file, properties):
        written(self, voxels, file, properties)
        os.truncate(file, 100)

    monkeypatch.setattr(SimpleITKIO, "write_seg", cut)
    with pytest.raises(OSError, match="could not be written whole") as refused:
        predict_folder(model, images, tmp_path / "out")
    assert refused.value.filename == str(tmp_path / "out" / "case_0.nii.gz")
    assert list((tmp_path / "out").glob("*.nii.gz")) == []
