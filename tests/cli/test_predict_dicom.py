import highdicom as hd
import numpy as np
import pydicom
import pytest
import torch

import tiny_dataset
from dicom_files import oblique, write_series
from nnunet_cscn.dicom.headers import read_headers
from nnunet_cscn.dicom.pixels import read_pixels
from nnunet_cscn.dicom.rasterise import rasterise
from nnunet_cscn.dicom.series import image_series
from nnunet_cscn.dicom.structures import read_structures
from nnunet_cscn.nifti.voxels import read_voxels
from nnunet_cscn.nifti.writing import write_volume
from nnunet_cscn.prediction.predictor import Model, SlidingWindow
from tiny_training import CONFIGURATION

OPTIONS = ("-d", "901", "-c", CONFIGURATION, "-tr", "BUNetTrainer", "-f", "0", "-device", "cpu")


@pytest.fixture
def study(staged_folders, tmp_path):
    """nnU-Net's folders with a trained network, and one of its training images as an oblique DICOM series."""
    root = staged_folders("labels")
    image = read_voxels(root / "raw" / tiny_dataset.NAME / "imagesTr" / "case_0_0000.nii.gz")
    stored = np.round(1000 * (image - image.min()) / np.ptp(image)).astype(np.int16)
    geometry = {"orientation": oblique(), "pixel_spacing_mm": (1.0, 1.0), "slice_spacing_mm": 2.0}
    write_series(tmp_path / "study" / "mr", stored, **geometry)
    _make_it_see_something(root / "results" / tiny_dataset.NAME / f"BUNetTrainer__nnUNetPlans__{CONFIGURATION}", stored)
    return tmp_path / "study"


def _make_it_see_something(model, image):
    """Shift the last biases of the network, so that each label gets a part of the image. (The network is hardly
    trained.)"""
    predictor = Model(model, (0,), "checkpoint_final.pth").load(torch.device("cpu"), SlidingWindow(mirroring=False))
    normed = torch.from_numpy((image - image.mean()) / image.std()).float()[None]
    logits = predictor.predict_logits_from_preprocessed_data(normed).float().flatten(1)
    shift = -logits.quantile(0.8, dim=1)
    file = model / "fold_0" / "checkpoint_final.pth"
    content = torch.load(file, weights_only=False)
    last = max(key for key in content["network_weights"] if "seg_layers" in key and key.endswith("bias"))
    content["network_weights"][last] += shift - shift[0]
    torch.save(content, file)


def test_values_that_the_network_would_see_as_infinite_are_refused(refused, study, tmp_path):
    for file in (study / "mr").iterdir():
        slice_ = pydicom.dcmread(file)
        slice_.RescaleSlope, slice_.RescaleIntercept = "1e39", "0"
        slice_.save_as(file)
    said = " ".join(refused("predict-dicom", study, tmp_path / "out", *OPTIONS).split())
    assert "voxels are NaN or infinite, or beyond the range of float32 (3.4e38): correct the source" in said
    assert not (tmp_path / "out" / "rtstruct.dcm").exists()


def test_contours_and_segments_are_those_of_the_prediction(cscn, study, tmp_path):
    status, shown, err = cscn("predict-dicom", study, tmp_path / "out", *OPTIONS)
    assert status == 0, err
    assert "Secret" not in shown + err
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["picture.png", "rtstruct.dcm", "seg.dcm"]
    (series,), _ = image_series(read_headers(study))
    write_volume(tmp_path / "in" / "x_0000.nii.gz", read_pixels(series), series.stack.grid())
    options = ("-i", tmp_path / "in", "-o", tmp_path / "stock", *OPTIONS, "-npp", "0", "-nps", "0")
    assert cscn("predict", *options)[0] == 0
    expected = read_voxels(tmp_path / "stock" / "x.nii.gz")
    structures = read_structures(tmp_path / "out" / "rtstruct.dcm")
    segments = hd.seg.segread(tmp_path / "out" / "seg.dcm")
    found = segments.get_pixels_by_source_instance(list(series.instances), assert_missing_frames_are_empty=True)
    names = [segments.get_segment_description(n).segment_label for n in range(1, found.shape[-1] + 1)]
    assert list(structures.contours) == names
    assert expected.any()
    for value, name in enumerate(names, start=1):
        assert (rasterise(structures.contours[name], series.stack) == (expected == value)).all()
        assert (found[..., value - 1] == (expected == value)).all()
    assert pydicom.dcmread(tmp_path / "out" / "rtstruct.dcm").ApprovalStatus == "UNAPPROVED"


def test_attributes_of_the_images_that_break_dicoms_rules_are_left_blank_with_a_note(cscn, study, tmp_path):
    for file in (study / "mr").iterdir():
        content = pydicom.dcmread(file)
        content.PatientSex = "w"
        content.save_as(file)
    status, shown, err = cscn("predict-dicom", study, tmp_path / "out", *OPTIONS)
    assert status == 0, err
    assert "PatientSex of the images" in " ".join((shown + err).split())
    for name in ("rtstruct.dcm", "seg.dcm"):
        assert pydicom.dcmread(tmp_path / "out" / name).PatientSex == ""
    label = pydicom.dcmread(tmp_path / "out" / "rtstruct.dcm").StructureSetLabel
    assert label == "D901 BUNet"


def test_of_several_series_one_has_to_be_chosen(refused, study, tmp_path):
    uid = {"StudyInstanceUID": pydicom.dcmread(next((study / "mr").iterdir())).StudyInstanceUID}
    localiser = [["ORIGINAL", "PRIMARY", "LOCALIZER"]]
    write_series(study / "other", np.zeros((3, 8, 8), np.int16), **uid)
    write_series(study / "scout", np.zeros((1, 8, 8), np.int16), ImageType=localiser, **uid)
    shown = refused("predict-dicom", study, tmp_path / "out", *OPTIONS)
    assert "2 series; choose" in " ".join(shown.split())
    assert "MR, axial, 3 slices of 8 x 8" in shown
    assert "2 series; choose" in " ".join(
        refused("predict-dicom", study, tmp_path / "out", *OPTIONS, "--series", 3).split()
    )
    assert not (tmp_path / "out").exists()


def test_gaps_and_empty_folders_are_told(refused, study, tmp_path):
    files = sorted((study / "mr").iterdir(), key=lambda file: pydicom.dcmread(file).ImagePositionPatient[2])
    files[3].unlink()
    assert "1 slice is missing" in refused("predict-dicom", study, tmp_path / "out", *OPTIONS)
    (tmp_path / "empty").mkdir()
    assert "contains no image series" in refused("predict-dicom", tmp_path / "empty", tmp_path / "out", *OPTIONS)
