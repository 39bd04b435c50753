"""`cscn predict` in this process; tests/stock compares it with nnU-Net's command."""

import inspect
import json
import re
import shutil

import nibabel
import numpy as np
import pytest
import SimpleITK
import tifffile
import typer.main
from nnunetv2.inference import predict_from_raw_data
from typer.testing import CliRunner

import tiny_dataset
from nnunet_cscn.cli.main import app
from nnunet_cscn.formats.reading import BY_CONTENT
from tiny_training import CONFIGURATION, load_predictor, set_folders

IN_THIS_PROCESS = ("-npp", "0", "-nps", "0", "-device", "cpu")


@pytest.fixture
def kind():
    return "labels"


@pytest.fixture
def folders(trained_models, kind, tmp_path, monkeypatch):
    """The folders, and two images to predict in tmp_path/in."""
    folder = trained_models(kind)
    set_folders(monkeypatch, folder)
    (tmp_path / "in").mkdir()
    for case in (0, 1):
        name = f"case_{case}_0000.nii.gz"
        shutil.copy(folder / "raw" / tiny_dataset.NAME / "imagesTr" / name, tmp_path / "in")
    return folder


@pytest.fixture
def predict(folders, tmp_path):
    def run(*arguments):
        where = ["-i", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "-d", "901", "-c", CONFIGURATION]
        shown = CliRunner().invoke(app, ["predict", *where, *IN_THIS_PROCESS, *arguments])
        assert shown.exit_code == 0, shown.output
        return shown.output

    return run


def voxels(file):
    return SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(file)))


@pytest.mark.parametrize(("kind", "trainer"), [("labels", "CSCNTrainer"), ("regions", "CSCNStagedTrainer")])
def test_maps_and_numbers_stand_beside_nnunets_predictions(folders, predict, tmp_path, trainer):
    shown = predict("-tr", trainer, "-f", "0", "--uncertainty")
    predictor = load_predictor(folders, trainer, 0, progress=False)
    (tmp_path / "stock").mkdir()
    predictor.predict_from_files_sequential(str(tmp_path / "in"), str(tmp_path / "stock"))
    numbers = json.loads((tmp_path / "out" / "uncertainty.json").read_text())
    assert numbers["model"] == f"{trainer}__nnUNetPlans__{CONFIGURATION}"
    assert (numbers["folds"], numbers["checkpoint"]) == ([0], "checkpoint_final.pth")
    assert sorted(numbers["disagreement"]) == ["case_0", "case_1"]
    for case, number in numbers["disagreement"].items():
        np.testing.assert_array_equal(*(voxels(tmp_path / side / f"{case}.nii.gz") for side in ("out", "stock")))
        difference = voxels(tmp_path / "out" / "uncertainty" / f"{case}.nii.gz")
        assert difference.dtype == np.float32
        assert difference.shape == (12, 32, 32)
        assert 0 <= difference.min() < difference.max() <= 1
        assert 0 <= number <= 1
        assert f"{number:.3f}" in shown


def test_a_stitched_prediction_is_written_with_its_uncertainty(predict, tmp_path):
    predict("-tr", "CSCNStagedTrainer", "-f", "0", "--uncertainty")
    by_tiles = json.loads((tmp_path / "out" / "uncertainty.json").read_text())
    predict("-tr", "CSCNStagedTrainer", "-f", "0", "--stitched", "--uncertainty", "--continue_prediction")
    assert sorted(file.name for file in (tmp_path / "out").glob("*.nii.gz")) == ["case_0.nii.gz", "case_1.nii.gz"]
    stitched = json.loads((tmp_path / "out" / "uncertainty.json").read_text())
    assert (by_tiles["manner"], stitched["manner"]) == ("tiles", "stitched")
    assert stitched["disagreement"].keys() == by_tiles["disagreement"].keys()
    assert stitched["disagreement"] != by_tiles["disagreement"]  # the scores of the two modes are kept apart


def test_what_is_there_is_left_alone_when_the_prediction_is_continued(predict, tmp_path):
    predict("-f", "0", "1", "--uncertainty")
    files = sorted((tmp_path / "out").rglob("case_*"))
    times = {file: file.stat().st_mtime_ns for file in files}
    (tmp_path / "out" / "uncertainty" / "case_1.json").unlink()
    predict("-f", "0", "1", "--uncertainty", "--continue_prediction")
    assert {file.name for file in files if file.stat().st_mtime_ns != times[file]} == {"case_1.nii.gz", "case_1.json"}
    assert (tmp_path / "out" / "case_1.nii.gz").stat().st_mtime_ns == times[tmp_path / "out" / "case_1.nii.gz"]


def test_parts_share_the_cases_and_gather_the_numbers(predict, tmp_path):
    for part in ("0", "1"):
        predict("-f", "0", "--uncertainty", "-num_parts", "2", "-part_id", part)
        (tmp_path / "out" / "uncertainty" / ".0a.case_0.json").write_text("{")  # left by an interrupted process
    assert sorted(json.loads((tmp_path / "out" / "uncertainty.json").read_text())["disagreement"]) == [
        "case_0",
        "case_1",
    ]
    assert "nothing to do" in predict("-f", "0", "-num_parts", "3", "-part_id", "2")


def test_numbers_of_another_model_are_left_out(predict, tmp_path):
    predict("-f", "0", "--uncertainty", "-num_parts", "2")
    predict("-f", "1", "--uncertainty", "-num_parts", "2", "-part_id", "1", "--continue_prediction")
    assert list(json.loads((tmp_path / "out" / "uncertainty.json").read_text())["disagreement"]) == ["case_1"]


def test_the_folder_of_now_may_be_the_target(folders, predict, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    predict("-f", "0", "-o", ".", "--disable_tta")
    assert (tmp_path / "here" / "case_0.nii.gz").is_file()


def test_the_last_line_tells_whether_predictions_are_empty(predict, tmp_path):
    assert "plausibility: " in predict("-f", "0", "--disable_tta", "--nan", "0").strip().splitlines()[-1]


def test_a_damaged_checkpoint_is_named(folders, tmp_path, refused):
    folder = folders / "results" / tiny_dataset.NAME / f"CSCNTrainer__nnUNetPlans__{CONFIGURATION}"
    (folder / "fold_0" / "checkpoint_torn.pth").write_bytes(b"PK")
    shown = refused(
        *("predict", "-i", tmp_path / "in", "-o", tmp_path / "out", "-d", "901", "-c", CONFIGURATION),
        *("-f", "0", "-chk", "checkpoint_torn.pth", "-device", "cpu"),
    )
    assert "checkpoint_torn.pth is not an nnU-Net checkpoint" in " ".join(shown.split())


def test_every_option_of_nnunets_command_is_an_option_of_ours():
    source = inspect.getsource(predict_from_raw_data.predict_entry_point)
    theirs = set(re.findall(r"add_argument\(\s*'(-[^']+)'", source))
    command = typer.main.get_command(app).commands["predict"]
    ours = {name for parameter in command.params for name in parameter.opts}
    assert len(theirs) > 15
    assert theirs <= ours


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["-f", "0", "7"], "has no checkpoint_final.pth in fold 7; trained: 0, 1"),
        ([], "has no checkpoint_final.pth in fold 2, 3, 4; trained: 0, 1"),
        (["-f", "0", "-chk", "checkpoint_worst.pth"], "has no checkpoint_worst.pth in fold 0; train it first"),
        (["-f", "zero"], "--folds: expected numbers such as 0 1 2, or all, got zero"),
        (["0", "1"], "unexpected extra argument(s) (0 1)"),
        (["-f", "0", "-npp", "1", "2"], "unexpected extra argument(s) (2)"),
        (["-f"], "Option '-f' requires an argument"),
        (["-f", "0", "-tr", "BUNetTrainer", "--uncertainty"], "BUNetTrainer has only one network"),
        (["-f", "0", "-tr", "CSCNTrainer", "--stitched"], "CSCNTrainer was not trained on stitched probabilities"),
        (["-f", "0", "-tr", "CSCNTrainer", "--views"], "views: CSCNTrainer was trained on one view"),
        (["-f", "0", "--views", "--stitched"], "--stitched and --views"),
        (["-f", "0", "-tr", "NoTrainer"], "has no model NoTrainer__nnUNetPlans__3d_tiny"),
        (["-f", "0", "-num_parts", "2", "-part_id", "2"], ": expected a number from 0 to 1 for 2 parts, got 2"),
        (["-f", "0", "-prev_stage_predictions", "nowhere"], ": folder not found: nowhere"),
        (["-f", "0", "-device", "gpu"], ": expected cuda, cpu or mps, got gpu"),
        (["-f", "0", "-i", "nowhere"], ": folder not found: nowhere"),
    ],
)
def test_mistakes_end_with_status_2_and_a_sentence(folders, tmp_path, refused, arguments, sentence):
    shown = refused(
        "predict", "-i", tmp_path / "in", "-o", tmp_path / "out", "-d", "901", "-c", CONFIGURATION, *arguments
    )
    assert sentence in " ".join(shown.split())
    assert not (tmp_path / "out").exists()


def test_torn_images_are_named_before_anything_is_predicted(folders, tmp_path, refused):
    image = tmp_path / "in" / "case_1_0000.nii.gz"
    image.write_bytes(image.read_bytes()[:-20])
    shown = refused(
        "predict", "-i", tmp_path / "in", "-o", tmp_path / "out", "-d", "901", "-c", CONFIGURATION, "-f", "0"
    )
    assert "1 of 2 cases cannot be read" in " ".join(shown.split())
    assert "case_1_0000.nii.gz" in "".join(shown.split())
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("reader", "ending"), [("NibabelIO", ".nii.gz"), ("SimpleITKIO", ".nrrd"), ("Tiff3DIO", ".tif")]
)
def test_maps_of_uncertainty_have_the_format_of_the_images(folders, predict, tmp_path, monkeypatch, reader, ending):
    """The trained model with another reader of nnU-Net; the NIfTI files are sheared."""
    model = folders / "results" / tiny_dataset.NAME / f"CSCNTrainer__nnUNetPlans__{CONFIGURATION}"
    copy = tmp_path / "results" / tiny_dataset.NAME / f"CSCNTrainer__{reader}__{CONFIGURATION}"
    shutil.copytree(model, copy)
    monkeypatch.setenv("nnUNet_results", str(tmp_path / "results"))
    for name, entry, value in (("plans", "image_reader_writer", reader), ("dataset", "file_ending", ending)):
        content = json.loads((copy / f"{name}.json").read_text(encoding="utf-8"))
        (copy / f"{name}.json").write_text(json.dumps({**content, entry: value}), encoding="utf-8")
    affine = np.diag([1.0, 1.0, 2.0, 1.0])
    affine[0, 1] = 2e-4
    for file in list((tmp_path / "in").iterdir()):
        values = voxels(file)
        file.unlink()
        target = file.with_name(file.name.replace(".nii.gz", ending))
        if ending == ".nii.gz":
            nibabel.save(nibabel.Nifti1Image(values.transpose(2, 1, 0), affine), target)
        elif ending == ".tif":
            tifffile.imwrite(target, values)
            spacing = json.dumps({"spacing": [2.0, 1.0, 1.0]})
            file.with_name(f"{file.name.removesuffix('_0000.nii.gz')}.json").write_text(spacing, encoding="utf-8")
        else:
            image = SimpleITK.GetImageFromArray(values)
            image.SetSpacing((1.0, 1.0, 2.0))
            SimpleITK.WriteImage(image, str(target))
    predict("-tr", "CSCNTrainer", "-p", reader, "-f", "0", "--uncertainty")
    file = tmp_path / "out" / "uncertainty" / f"case_0{ending}"
    volume = BY_CONTENT.read(file)
    assert volume.voxels.shape == (12, 32, 32)
    assert 0 <= volume.voxels.min() < volume.voxels.max() <= 1
    assert volume.grid.spacing_mm == pytest.approx((1.0, 1.0, 2.0), abs=1e-5)
    if ending == ".nii.gz":
        np.testing.assert_allclose(nibabel.load(file).affine, affine, atol=1e-7)
