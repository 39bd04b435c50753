"""`cscn predict-dicom` on a folder of studies, in this process."""

import json

import highdicom as hd
import numpy as np
import pytest

import tiny_dataset
from dicom_files import write_series
from nnunet_cscn.nifti.grids import Grid
from nnunet_cscn.nifti.voxels import read_voxels
from nnunet_cscn.nifti.writing import write_volume
from tiny_training import CONFIGURATION, set_folders

OPTIONS = ("-d", "901", "-c", CONFIGURATION, "-tr", "CSCNTrainer", "-f", "0", "-device", "cpu")


@pytest.fixture
def stored(trained_models, monkeypatch):
    """A training image as whole numbers."""
    folder = trained_models("labels")
    set_folders(monkeypatch, folder)
    image = read_voxels(folder / "raw" / tiny_dataset.NAME / "imagesTr" / "case_0_0000.nii.gz")
    return np.round(1000 * (image - image.min()) / np.ptp(image)).astype(np.int16)


@pytest.fixture
def studies(stored, tmp_path):
    """Two studies of the same image; the second one lacks a slice."""
    for uid in ("1.2.1", "1.2.2"):
        geometry = {"pixel_spacing_mm": (1.0, 1.0), "slice_spacing_mm": 2.0, "StudyInstanceUID": uid}
        write_series(tmp_path / "studies" / uid, stored, shuffled=False, **geometry)
    (tmp_path / "studies" / "1.2.2" / "003.dcm").unlink()
    return tmp_path / "studies"


def test_a_failing_study_is_listed_and_the_other_is_in_the_json_file_with_its_uncertainty(
    cscn, studies, stored, tmp_path
):
    out, results = tmp_path / "out", tmp_path / "results.json"
    status, shown, err = cscn("predict-dicom", studies, out, *OPTIONS, "--uncertainty", "--json", results)
    assert status == 2
    assert "1 of 2 studies failed" in err
    assert "1 slice is missing" in err
    assert "Secret" not in shown + err
    done, failed = json.loads(results.read_text(encoding="utf-8"))["studies"]
    assert (done["study_instance_uid"], failed["study_instance_uid"]) == ("1.2.1", "1.2.2")
    assert (done["status"], failed["status"]) == ("predicted", "failed")
    assert set(done["volumes_ml"]) == {"GTVp", "GTVn"}
    grid = Grid(stored.shape[::-1], (1.0, 1.0, 2.0), (-20.0, 10.0, 35.0), (1, 0, 0, 0, 1, 0, 0, 0, 1))
    write_volume(tmp_path / "in" / "x_0000.nii.gz", stored, grid)
    in_this_process = ("-npp", "0", "-nps", "0")
    predicted = cscn(
        "predict", "-i", tmp_path / "in", "-o", tmp_path / "stock", *OPTIONS, *in_this_process, "--uncertainty"
    )
    assert predicted[0] == 0
    expected = json.loads((tmp_path / "stock" / "uncertainty.json").read_text(encoding="utf-8"))["disagreement"]["x"]
    assert done["disagreement"] == pytest.approx(expected)
    written = hd.imread(out / done["study"] / "uncertainty.dcm")
    heights = [
        float(group.PlanePositionSequence[0].ImagePositionPatient[2])
        for group in written.PerFrameFunctionalGroupsSequence
    ]
    found = written.get_frames()[np.argsort(heights)]
    assert np.allclose(found, read_voxels(tmp_path / "stock" / "uncertainty" / "x.nii.gz"), atol=1e-6)
    assert written.StudyInstanceUID == "1.2.1"


def test_a_second_run_says_what_was_already_there(cscn, studies, stored, tmp_path):
    cscn("predict-dicom", studies, tmp_path / "out", *OPTIONS)
    write_series(studies / "whole", stored, pixel_spacing_mm=(1.0, 1.0), slice_spacing_mm=2.0, StudyInstanceUID="1.2.3")
    status, shown, err = cscn("predict-dicom", studies, tmp_path / "out", *OPTIONS)
    assert status == 2
    assert "1 of 3 studies failed" in err
    assert shown.count("(already there)") == 1


def test_a_container_predicts_all_studies_too(cscn, studies, trained_models, tmp_path):
    model = trained_models("labels") / "results" / tiny_dataset.NAME / f"CSCNTrainer__nnUNetPlans__{CONFIGURATION}"
    options = ("--input", studies, "--out", tmp_path / "out", "--model", model, "-device", "cpu", "--disable_tta")
    status, shown, err = cscn("deploy", "dicom", *options)
    assert status == 2
    assert "1 of 2 studies failed" in err
    assert "GTVp" in shown
    assert len(list((tmp_path / "out").glob("study_*/rtstruct.dcm"))) == 1
