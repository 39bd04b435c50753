import json
import shutil

import nibabel
import numpy as np
import pytest
import SimpleITK

import tiny_dataset
from nnunet_cscn.errors import UserError
from nnunet_cscn.workflows.models import load_model
from nnunet_cscn.workflows.predict import predict_folder
from tiny_training import CONFIGURATION, set_folders


def read(file):
    return SimpleITK.ReadImage(str(file))


def voxels(file):
    return SimpleITK.GetArrayFromImage(read(file))


@pytest.fixture
def loaded(trained_models, tmp_path, monkeypatch):
    """Return a function that loads a model of a kind of data set, with two images in tmp_path/in."""

    def load(kind, trainer="CSCNTrainer", fold=0):
        root = trained_models(kind)
        set_folders(monkeypatch, root)
        (tmp_path / "in").mkdir(exist_ok=True)
        for case in (0, 1):
            shutil.copy(root / "raw" / tiny_dataset.NAME / "imagesTr" / f"case_{case}_0000.nii.gz", tmp_path / "in")
        return load_model(901, CONFIGURATION, trainer=trainer, folds=(fold,), device="cpu", mirroring=False)

    return load


@pytest.mark.parametrize(
    ("kind", "trainer", "names"),
    [("labels", "CSCNTrainer", ["GTVp", "GTVn"]), ("regions", "CSCNStagedTrainer", ["whole", "core"])],
)
def test_maps_hold_nnunets_probabilities_on_the_grid_of_the_image(loaded, tmp_path, kind, trainer, names):
    predict_folder(
        loaded(kind, trainer), tmp_path / "in", tmp_path / "out", save_probabilities=True, save_probability_maps=True
    )
    first = 0 if kind == "regions" else 1  # behind the background
    for case in ("case_0", "case_1"):
        probabilities = np.load(tmp_path / "out" / f"{case}.npz")["probabilities"]
        image = read(tmp_path / "in" / f"{case}_0000.nii.gz")
        for channel, name in enumerate(names, start=first):
            file = tmp_path / "out" / "probability_maps" / name / f"{case}.nii.gz"
            np.testing.assert_allclose(voxels(file), probabilities[channel], atol=0.5 / 255 + 1e-6)
            assert read(file).GetSpacing() == image.GetSpacing()
            assert read(file).GetDirection() == image.GetDirection()
    contents = json.loads((tmp_path / "out" / "probability_maps" / "maps.json").read_text(encoding="utf-8"))
    assert contents["maps"] == {name: name for name in names}


def test_arrays_are_left_only_where_they_were_asked_for(loaded, tmp_path):
    model = loaded("labels")
    model.predict_folder(tmp_path / "in", tmp_path / "out", save_probability_maps=True)
    assert not [*(tmp_path / "out").glob("*.npz"), *(tmp_path / "out").glob("*.pkl")]
    lost = tmp_path / "out" / "probability_maps" / "GTVn" / "case_1.nii.gz"
    times = {file: file.stat().st_mtime_ns for file in (tmp_path / "out").glob("*.nii.gz")}
    lost.unlink()
    predict_folder(model, tmp_path / "in", tmp_path / "out", save_probability_maps=True, overwrite=False)
    assert lost.is_file()
    again = {file.name for file, time in times.items() if file.stat().st_mtime_ns != time}
    assert again == {"case_1.nii.gz"}


def test_maps_of_another_model_are_not_continued(loaded, tmp_path):
    predict_folder(loaded("labels"), tmp_path / "in", tmp_path / "out", save_probability_maps=True)
    other = loaded("labels", fold=1)
    with pytest.raises(UserError, match="maps of another model"):
        predict_folder(other, tmp_path / "in", tmp_path / "out", save_probability_maps=True, overwrite=False)


def test_a_map_that_is_torn_by_its_last_write_is_told(loaded, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "nnunet_cscn.prediction.probability_maps.set_slope", lambda file: file.write_bytes(file.read_bytes()[:-20])
    )
    with pytest.raises(OSError, match="whole"):
        predict_folder(loaded("labels"), tmp_path / "in", tmp_path / "out", save_probability_maps=True)
    assert not list((tmp_path / "out" / "probability_maps").rglob("*.nii.gz"))


def test_maps_of_sheared_images_fit_the_segmentation(loaded, tmp_path):
    model = loaded("labels")
    model.predictor.plans_manager.plans["image_reader_writer"] = "NibabelIO"
    type(model.predictor.plans_manager).image_reader_writer_class.fget.cache_clear()
    affine = np.diag([1.0, 1.0, 2.0, 1.0])
    affine[0, 1] = 2e-4
    file = tmp_path / "in" / "case_0_0000.nii.gz"
    nibabel.save(nibabel.Nifti1Image(voxels(file).transpose(2, 1, 0), affine), file)
    (tmp_path / "in" / "case_1_0000.nii.gz").unlink()
    model.predict_folder(tmp_path / "in", tmp_path / "out", save_probability_maps=True)
    found = nibabel.load(tmp_path / "out" / "probability_maps" / "GTVp" / "case_0.nii.gz")
    np.testing.assert_allclose(found.affine, affine, atol=1e-7)
