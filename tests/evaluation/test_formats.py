"""Label maps in the formats of nnU-Net, written by nnU-Net's own writers, with scores by hand."""

import json

import nibabel
import numpy as np
import pytest
import SimpleITK
from nnunetv2.imageio.natural_image_reader_writer import NaturalImage2DIO
from nnunetv2.imageio.tif_reader_writer import Tiff3DIO

from nnunet_cscn.errors import UserError
from nnunet_cscn.evaluation.observers import compare_observers
from nnunet_cscn.formats.named_reader import reader_for
from nnunet_cscn.workflows.compare import compare_folders
from nnunet_cscn.workflows.evaluate import evaluate_folders

PREDICTION, REFERENCE = np.zeros((4, 8, 8), np.uint8), np.zeros((4, 8, 8), np.uint8)
PREDICTION[1, 2, 2:6], REFERENCE[1, 2, 4:7] = 1, 1  # 4 and 3 voxels, 2 of them shared
DSC = 4 / 7
SPACING = (3.0, 0.6, 0.5)


@pytest.fixture
def folders(tmp_path):
    for role in ("p", "r"):
        (tmp_path / role).mkdir()
    return tmp_path / "p", tmp_path / "r"


def write_itk(folders, ending):
    for folder, voxels in zip(folders, (PREDICTION, REFERENCE), strict=True):
        image = SimpleITK.GetImageFromArray(voxels)
        image.SetSpacing(SPACING[::-1])
        SimpleITK.WriteImage(image, str(folder / f"case{ending}"))


def write_tiff(folders):
    for folder, voxels in zip(folders, (PREDICTION, REFERENCE), strict=True):
        Tiff3DIO().write_seg(voxels, str(folder / "case.tif"), {"spacing": SPACING})


@pytest.mark.parametrize("ending", [".nii.gz", ".nrrd", ".mha", ".mhd", ".gipl"])
def test_itks_formats(folders, ending):
    write_itk(folders, ending)
    scores = evaluate_folders(*folders)
    score = scores.cases["case"]["1"]
    assert score.counts.dsc == pytest.approx(DSC)
    assert score.hd_mm == pytest.approx(1.0)  # the outermost voxels are two of 0.5 mm away
    assert scores.notes == []


def test_tiffs_of_nnunet_with_their_spacing(folders):
    write_tiff(folders)
    score = evaluate_folders(*folders).cases["case"]["1"]
    assert (score.counts.dsc, score.hd_mm) == (pytest.approx(DSC), pytest.approx(1.0))
    assert score.volume_ml == pytest.approx(4 * 0.9 / 1000)


@pytest.mark.parametrize("where", ["dataset", "plans", "validation"])
def test_a_named_reader_of_nnunet_reads(folders, tmp_path, where):
    write_tiff(folders)
    predictions, references = folders
    dataset_json = None
    if where == "dataset":
        dataset_json = tmp_path / "dataset.json"
        content = {"labels": {"background": 0, "1": 1}, "file_ending": ".tif"}
        dataset_json.write_text(json.dumps({**content, "overwrite_image_reader_writer": "Tiff3DIO"}), encoding="utf-8")
    else:
        plans = json.dumps({"image_reader_writer": "Tiff3DIO"})
        if where == "validation":
            predictions = predictions.rename(tmp_path / "validation")
            (tmp_path / "model" / "fold_0").mkdir(parents=True)
            predictions = predictions.rename(tmp_path / "model" / "fold_0" / "validation")
            (tmp_path / "model" / "plans.json").write_text(plans, encoding="utf-8")
        else:
            (predictions / "plans.json").write_text(plans, encoding="utf-8")
    assert type(reader_for(dataset_json, predictions)).__name__ == "NamedReader"
    score = evaluate_folders(predictions, references, dataset_json=dataset_json).cases["case"]["1"]
    assert (score.counts.dsc, score.hd_mm) == (pytest.approx(DSC), pytest.approx(1.0))


def test_a_reader_that_nnunet_does_not_have_is_named(tmp_path):
    file = tmp_path / "dataset.json"
    file.write_text(json.dumps({"overwrite_image_reader_writer": "MyIO"}), encoding="utf-8")
    with pytest.raises(UserError, match="MyIO"):
        reader_for(file)


def test_the_ending_in_the_dataset_json_says_which_files_count(folders, tmp_path):
    write_itk(folders, ".mha")
    for folder in folders:
        (folder / "picture.nii.gz").touch()
    file = tmp_path / "dataset.json"
    file.write_text(json.dumps({"labels": {"background": 0, "a": 1}, "file_ending": ".mha"}), encoding="utf-8")
    assert list(evaluate_folders(*folders, dataset_json=file).cases) == ["case"]


def flat_squares(folders, ending):
    """A square of 5x5 pixels, and the same one column further."""
    for folder, start in zip(folders, (2, 3), strict=True):
        pixels = np.zeros((10, 12), np.uint8)
        pixels[2:7, start : start + 5] = 1
        if ending == ".png":
            NaturalImage2DIO().write_seg(pixels[None], str(folder / "case.png"), {})
        else:
            image = SimpleITK.GetImageFromArray(pixels)
            SimpleITK.WriteImage(image, str(folder / f"case{ending}"))


@pytest.mark.parametrize("ending", [".png", ".nii.gz", ".mha"])
def test_surfaces_of_flat_images_are_contours(folders, ending):
    """Contours of 16 pixels. Of the first, 5 on the left are 1 px from the other; on the second, 5 on the right."""
    flat_squares(folders, ending)
    scores = evaluate_folders(*folders)
    score = scores.cases["case"]["1"]
    assert score.counts.dsc == pytest.approx(0.8)
    # the contours share the upper and lower rows' 8 pixels but for the ends; columns 2, 3, 6, 7 differ
    assert score.hd_mm == 1.0
    assert score.assd_mm == pytest.approx(8 / 16)
    assert bool(scores.notes) is (ending == ".png")


def test_grids_with_the_same_small_shear_are_measured_along_their_axes(folders):
    affine = np.diag([1.0, 1.0, 3.0, 1.0])
    affine[0, 1] = 2e-4
    for folder, voxels in zip(folders, (PREDICTION, REFERENCE), strict=True):
        nibabel.save(nibabel.Nifti1Image(voxels.transpose(2, 1, 0), affine), folder / "case.nii.gz")
    scores = evaluate_folders(*folders)
    score = scores.cases["case"]["1"]
    assert score.counts.dsc == pytest.approx(DSC)
    assert score.hd_mm == pytest.approx(2.0, abs=1e-6)
    assert "sheared by 0.011 degrees" in scores.notes[0]


def test_predictions_in_another_order_of_the_axes_are_compared_voxel_by_voxel(folders):
    write_itk(folders, ".nii.gz")
    file = folders[0] / "case.nii.gz"
    image = SimpleITK.ReadImage(str(file))
    SimpleITK.WriteImage(SimpleITK.Flip(SimpleITK.PermuteAxes(image, (2, 1, 0)), (True, False, True)), str(file))
    score = evaluate_folders(*folders).cases["case"]["1"]
    assert (score.counts.dsc, score.hd_mm) == (pytest.approx(DSC), pytest.approx(1.0))


def test_folders_without_a_common_label_are_told(folders):
    for folder, voxels in zip(folders, (PREDICTION, 255 * REFERENCE), strict=True):
        SimpleITK.WriteImage(SimpleITK.GetImageFromArray(voxels), str(folder / "case.nii.gz"))
    (note,) = evaluate_folders(*folders).notes
    assert "the predictions contain 1, the references 255" in note


def test_folders_of_which_one_is_empty_need_no_warning(folders):
    for folder, voxels in zip(folders, (0 * PREDICTION, REFERENCE), strict=True):
        SimpleITK.WriteImage(SimpleITK.GetImageFromArray(voxels), str(folder / "case.nii.gz"))
    assert evaluate_folders(*folders).notes == []


@pytest.mark.parametrize("ending", [".nrrd", ".mha"])
def test_methods_and_observers_are_compared_in_other_formats(folders, ending, tmp_path):
    write_itk(folders, ending)
    predictions, references = folders
    found = compare_folders({"a": predictions, "b": references}, references, metrics=["dsc"])
    assert found.metrics[0].pairs[0].paired.difference == pytest.approx(DSC - 1)
    agreements = compare_observers({"a": predictions, "b": references}, consensus_folder=tmp_path / "consensus")
    assert agreements[0].aggregate.dsc_mean == pytest.approx(DSC)
    majority = SimpleITK.ReadImage(str(tmp_path / "consensus" / "majority" / "case.nii.gz"))
    assert SimpleITK.GetArrayFromImage(majority).sum() == 2


def test_observers_of_flat_images(folders, tmp_path):
    flat_squares(folders, ".png")
    (agreement, *_) = compare_observers(dict(zip("ab", folders, strict=True)), consensus_folder=tmp_path / "consensus")
    assert agreement.aggregate.dsc_mean == pytest.approx(0.8)
    assert agreement.aggregate.assd_mm_mean == pytest.approx(0.5)
    assert SimpleITK.ReadImage(str(tmp_path / "consensus" / "majority" / "case.nii.gz")).GetDimension() == 2
