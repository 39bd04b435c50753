import shutil

import numpy as np
import pytest
import SimpleITK

import tiny_dataset
from nnunet_cscn.errors import ArgumentError, UserError
from nnunet_cscn.workflows.models import load_model, load_model_folder
from tiny_training import CONFIGURATION, set_folders

SPACING_MM = (3.0, 1.0, 1.0)


@pytest.fixture(params=["labels"])
def root(trained_models, request, monkeypatch):
    folder = trained_models(request.param)
    set_folders(monkeypatch, folder)
    return folder


@pytest.fixture
def model(root):
    return load_model(901, CONFIGURATION, folds=(0, 1), device="cpu")


@pytest.fixture
def images(root, tmp_path):
    """Two images in a folder: one of the data set, and one with another voxel size and a border of zeros."""
    folder = tmp_path / "in"
    folder.mkdir()
    shutil.copy(root / "raw" / tiny_dataset.NAME / "imagesTr" / "case_0_0000.nii.gz", folder)
    voxels = np.zeros((10, 30, 36), dtype=np.int16)
    voxels[1:-1, 4:-3, 5:-6] = np.random.default_rng(0).integers(-500, 1500, (8, 23, 25))
    other = SimpleITK.GetImageFromArray(voxels)
    other.SetSpacing((0.8, 0.9, 4.0))
    SimpleITK.WriteImage(other, str(folder / "other_0000.nii.gz"))
    return folder


def voxels_of(file):
    return SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(file)))


def stock(model, images, out):
    """Predict with nnU-Net's own predictor, which writes probabilities too."""
    out.mkdir()
    model.predictor.predict_from_files_sequential(str(images), str(out), save_probabilities=True)
    return out


@pytest.mark.parametrize("root", ["labels", "regions"], indirect=True)
def test_of_an_array_are_predicted_the_voxels_that_nnunet_writes_of_the_file(model, images, tmp_path):
    expected = stock(model, images, tmp_path / "stock")
    for case, spacing_mm in (("case_0", SPACING_MM), ("other", (4.0, 0.9, 0.8))):
        image = voxels_of(images / f"{case}_0000.nii.gz")
        mask, probabilities = model.predict(image, spacing_mm)
        np.testing.assert_array_equal(mask, voxels_of(expected / f"{case}.nii.gz"))
        np.testing.assert_array_equal(probabilities, np.load(expected / f"{case}.npz")["probabilities"])
        assert probabilities.dtype == np.float32
        assert probabilities.shape[1:] == mask.shape == image.shape


def test_an_array_may_have_an_axis_of_channels_and_stays_as_it_was(model, images):
    image = voxels_of(images / "case_0_0000.nii.gz")
    before = image.copy()
    np.testing.assert_array_equal(
        model.predict(image[None], SPACING_MM).probabilities, model.predict(image, SPACING_MM).probabilities
    )
    np.testing.assert_array_equal(image, before)


def test_probabilities_of_labels_sum_to_1_and_the_largest_is_in_the_mask(model, images):
    mask, probabilities = model.predict(voxels_of(images / "case_0_0000.nii.gz"), SPACING_MM)
    assert len(probabilities) == 3
    np.testing.assert_allclose(probabilities.sum(axis=0), 1, atol=1e-5)
    np.testing.assert_array_equal(probabilities.argmax(axis=0), mask)


def test_files_are_predicted_and_written_as_nnunet_does(model, images, tmp_path):
    expected = stock(model, images, tmp_path / "stock")
    mask, _ = model.predict_files([images / "other_0000.nii.gz"], tmp_path / "new" / "mask.nii.gz")
    np.testing.assert_array_equal(mask, voxels_of(expected / "other.nii.gz"))
    assert (tmp_path / "new" / "mask.nii.gz").read_bytes() == (expected / "other.nii.gz").read_bytes()


def test_nothing_is_written_where_no_file_is_named(model, images, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    model.predict_files([str(images / "other_0000.nii.gz")])
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_is_predicted_case_by_case(model, images, tmp_path):
    expected = stock(model, images, tmp_path / "stock")
    seen = []
    found = model.predict_folder(
        images, tmp_path / "out", save_probabilities=True, on_progress=lambda *counts: seen.append(counts)
    )
    assert found.cases == ("case_0", "other")
    assert found.disagreement is None
    assert seen == [(1, 2), (2, 2)]
    for name in ("case_0.nii.gz", "other.nii.gz", "dataset.json", "plans.json"):
        assert (found.folder / name).read_bytes() == (expected / name).read_bytes()
    assert (found.folder / "other.npz").is_file()


def test_cases_that_are_there_are_left_alone_and_counted(model, images, tmp_path):
    earlier = tmp_path / "out" / "case_0.nii.gz"
    earlier.parent.mkdir()
    shutil.copy(images / "case_0_0000.nii.gz", earlier)  # complete, and not what the model would predict
    before = earlier.read_bytes()
    seen = []
    model.predict_folder(images, tmp_path / "out", overwrite=False, on_progress=lambda *counts: seen.append(counts))
    assert earlier.read_bytes() == before
    assert seen == [(1, 2), (2, 2)]


def test_a_folder_elsewhere_is_the_same_model(root, model, images, tmp_path):
    folder = tmp_path / "sent"
    shutil.copytree(root / "results" / tiny_dataset.NAME / f"CSCNTrainer__nnUNetPlans__{CONFIGURATION}", folder)
    sent = load_model_folder(str(folder), folds=[0, 1], device="cpu")
    image = voxels_of(images / "case_0_0000.nii.gz")
    np.testing.assert_array_equal(
        sent.predict(image, SPACING_MM).probabilities, model.predict(image, SPACING_MM).probabilities
    )


def test_window_and_manner_are_those_that_are_asked_for(root):
    model = load_model(
        901,
        CONFIGURATION,
        trainer="CSCNStagedTrainer",
        folds=(0,),
        device="cpu",
        mirroring=False,
        step_size=0.25,
        mode="stitched",
    )
    assert type(model.predictor).__name__ == "StitchedPredictor"
    assert not model.predictor.use_mirroring
    assert model.predictor.tile_step_size == 0.25
    assert model.device == "cpu"


def test_a_model_says_what_it_sees_and_finds(model):
    assert model.channel_names == ("MRI",)
    assert model.labels == {"background": 0, "GTVp": 1, "GTVn": 2}
    assert model.previous_stage is None


@pytest.mark.parametrize(
    ("arguments", "argument", "reason"),
    [
        ({"device": "gpu"}, "device", "gpu"),
        ({"device": "cuda:99"}, "device", "cuda:99"),
        ({"folds": (0, 7)}, "folds", "fold 7; trained: 0, 1"),
        ({"step_size": 0}, "step_size", "got 0"),
        ({"mode": "stitched"}, "mode", "stitched"),
        ({"mode": "views"}, "mode", "one view"),
        ({"mode": "glued"}, "mode", "glued"),
    ],
)
def test_wrong_arguments_are_named(root, arguments, argument, reason):
    with pytest.raises(ArgumentError) as refused:
        load_model(901, CONFIGURATION, **{"folds": (0,), "device": "cpu", **arguments})
    assert refused.value.argument == argument
    assert reason in refused.value.reason


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ArgumentError, match=r"^folder: .*absent"):
        load_model_folder(tmp_path / "absent")


@pytest.mark.parametrize(
    ("image", "spacing_mm", "sentence"),
    [
        (np.ones((3, 4)), SPACING_MM, r"^image: .*\(3, 4\)"),
        (np.ones((2, 3, 4, 5)), SPACING_MM, r"^image: .*\(2, 3, 4, 5\)"),
        (np.full((3, 4, 5), np.nan), SPACING_MM, "^image: expected"),
        (np.ones((3, 4, 5), dtype=complex), SPACING_MM, "^image: expected"),
        (np.ones((3, 4, 5)), (1.0, 1.0), "^spacing_mm: expected"),
        (np.ones((3, 4, 5)), (1.0, 0.0, 1.0), r"spacing_mm: .* got \(1.0, 0.0, 1.0\)"),
    ],
)
def test_images_that_do_not_fit_are_refused(model, image, spacing_mm, sentence):
    with pytest.raises(ArgumentError, match=sentence):
        model.predict(image, spacing_mm)


def test_files_that_do_not_fit_are_refused(model, images, tmp_path):
    file = images / "case_0_0000.nii.gz"
    with pytest.raises(ArgumentError, match=r"^files: .*absent\.nii\.gz"):
        model.predict_files([images / "absent.nii.gz"])
    with pytest.raises(ArgumentError, match=r"^files: .*1 channels \(MRI\).* 2"):
        model.predict_files([file, file])
    with pytest.raises(ArgumentError, match=r"^out: .*\.nii\.gz"):
        model.predict_files([file], tmp_path / "mask.nrrd")
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(UserError, match=r"case_0_0000\.nii\.gz: .*truncated"):
        model.predict_files([file])


def test_the_second_stage_of_nnunets_cascade_asks_for_the_first(model, images, tmp_path):
    model.predictor.configuration_manager.configuration["previous_stage"] = "3d_lowres"
    with pytest.raises(UserError, match="segmentations of 3d_lowres"):
        model.predict(np.ones((8, 16, 16)), SPACING_MM)
    with pytest.raises(ArgumentError, match=r"^previous_stage: .*3d_lowres"):
        model.predict_folder(images, tmp_path / "out")
