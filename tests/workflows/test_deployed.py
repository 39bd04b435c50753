import numpy as np
import pytest
import SimpleITK

import tiny_dataset
from nnunet_cscn.errors import ArgumentError, UserError
from nnunet_cscn.nnunet.folders import model_folder
from nnunet_cscn.workflows.deployed import load_deployed_model, predict_challenge_case
from tiny_training import CONFIGURATION, set_folders


@pytest.fixture
def results(trained_models, monkeypatch):
    root = trained_models("labels")
    set_folders(monkeypatch, root)
    return root


@pytest.fixture
def model(results):
    folder = model_folder(901, trainer="CSCNTrainer", plans="nnUNetPlans", configuration=CONFIGURATION)
    return load_deployed_model(folder, device="cpu", mirroring=False)


@pytest.fixture
def source(results, tmp_path):
    """The first image of the data set in the layout of a challenge platform."""
    folder = tmp_path / "input" / "images" / "mri"
    folder.mkdir(parents=True)
    image = SimpleITK.ReadImage(str(results / "raw" / tiny_dataset.NAME / "imagesTr" / "case_0_0000.nii.gz"))
    SimpleITK.WriteImage(image, str(folder / "0f3a.mha"))
    return tmp_path / "input"


def test_a_case_is_written_on_its_own_grid_with_the_voxels_of_the_model(model, source, tmp_path):
    file = predict_challenge_case(model, source, tmp_path / "output", out_socket="contours")
    assert file == tmp_path / "output" / "images" / "contours" / "output.mha"
    written, image = (SimpleITK.ReadImage(str(each)) for each in (file, source / "images" / "mri" / "0f3a.mha"))
    assert (written.GetSize(), written.GetSpacing()) == (image.GetSize(), image.GetSpacing())
    assert (written.GetOrigin(), written.GetDirection()) == (image.GetOrigin(), image.GetDirection())
    expected = model.predict(SimpleITK.GetArrayFromImage(image), image.GetSpacing()[::-1]).mask
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(written), expected)


def test_all_folds_of_the_model_are_taken(model):
    assert model.model.folds == (0, 1)


def test_a_folder_with_several_models_is_refused(results):
    with pytest.raises(ArgumentError, match="one trained model"):
        load_deployed_model(results / "results", device="cpu")


def test_a_socket_that_is_not_there_is_refused(model, source, tmp_path):
    with pytest.raises(ArgumentError, match="available: mri"):
        predict_challenge_case(model, source, tmp_path, sockets=("ct",), out_socket="contours")


def test_a_socket_with_two_images_is_refused(model, source, tmp_path):
    (source / "images" / "mri" / "second.mha").write_bytes(b"")
    with pytest.raises(UserError, match="expected one image, found 2"):
        predict_challenge_case(model, source, tmp_path, out_socket="contours")


@pytest.mark.parametrize("share", [0, 0.5])
def test_a_damaged_image_is_refused_and_nothing_is_written(model, source, tmp_path, share):
    file = source / "images" / "mri" / "0f3a.mha"
    content = file.read_bytes()
    file.write_bytes(content[: int(share * len(content))])
    with pytest.raises(UserError, match=r"0f3a\.mha"):
        predict_challenge_case(model, source, tmp_path / "output", out_socket="contours")
    assert not (tmp_path / "output").exists()


def test_an_empty_prediction_is_told(model, source, tmp_path, monkeypatch):
    notes = []
    predict = model.predict_files
    monkeypatch.setattr(
        model, "predict_files", lambda files: predict(files)._replace(mask=np.zeros((12, 32, 32), np.uint8))
    )
    predict_challenge_case(model, source, tmp_path / "output", out_socket="contours", on_note=notes.append)
    assert notes == ["plausibility: the prediction is empty"]
