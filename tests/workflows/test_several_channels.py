"""From DICOM studies with three sequences over nnU-Net's planning to contours: one model, the same channels twice."""

import numpy as np
import pytest

import tiny_dataset
from dicom_files import write_series, write_structures
from dicom_studies import square
from nnunet_cscn.dicom.headers import read_headers
from nnunet_cscn.dicom.rasterise import rasterise
from nnunet_cscn.dicom.series import image_series
from nnunet_cscn.dicom.structures import read_structures
from nnunet_cscn.nifti.voxels import read_voxels
from nnunet_cscn.training.cscn import CSCNTrainer
from nnunet_cscn.workflows.convert_dicom import convert_dicom
from nnunet_cscn.workflows.models import load_model
from nnunet_cscn.workflows.predict_dicom_studies import predict_dicom_studies
from tiny_training import CONFIGURATION, new_trainer, set_folders

CHANNELS = {"T1": "t1(?!.*ce)", "T1C": "t1.*ce", "T2": "t2"}
SHAPE = (12, 24, 28)


def write_study(folder, number):
    """Contours on T1; T1C on the same grid; T2 with pixels of half the size. No two have the same content."""
    random = np.random.default_rng(number)
    common = {"StudyInstanceUID": f"1.2.7.{number}", "frame_of_reference": f"1.2.8.{number}", "patient": f"P{number}"}
    slices = write_series(folder / "a", random.integers(0, 900, SHAPE).astype(np.int16), SeriesDescription="t1 tse",
                          **common)  # fmt: skip
    write_series(folder / "b", random.integers(0, 900, SHAPE).astype(np.int16), SeriesDescription="t1 tse CE", **common)
    fine = random.integers(0, 900, (SHAPE[0], 2 * SHAPE[1], 2 * SHAPE[2])).astype(np.int16)
    write_series(folder / "c", fine, SeriesDescription="T2", pixel_spacing_mm=(0.4, 0.55), **common)
    contours = {"GTVp": [square(slices, index, (6.5, 5.5), (17.5, 15.5)) for index in range(3, 9)]}
    write_structures(folder / "rt.dcm", contours, slices=slices, patient=common["patient"])


@pytest.fixture
def model(tmp_path, monkeypatch):
    """A model of three channels, planned, preprocessed and trained for two iterations."""
    for number in range(2):
        write_study(tmp_path / "studies" / str(number), number)
    result = convert_dicom(
        tmp_path / "studies", tmp_path / "raw", dataset_id=950, rois={"GTVp": "GTVp"}, channels=CHANNELS
    )
    assert result.problems == {}
    preprocessed = tiny_dataset.prepare(tmp_path, result.folder.name)
    set_folders(monkeypatch, tmp_path)
    new_trainer(CSCNTrainer, preprocessed, "all").run_training()
    return load_model(result.folder.name, CONFIGURATION, folds=("all",), device="cpu", mirroring=False)


def test_the_channels_of_a_study_are_found_again_for_the_prediction(model, tmp_path):
    """Contours of a study are those of the mask that nnU-Net's predictor makes of the converted images."""
    images = sorted((tmp_path / "raw" / "Dataset950_DICOM" / "imagesTr").glob("DICOM_001_*"))
    assert len(images) == 3
    model.predictor.predict_from_files_sequential([[str(file) for file in images]], [str(tmp_path / "expected")])
    expected = read_voxels(tmp_path / "expected.nii.gz")
    (series, *_others), _ = image_series(read_headers(tmp_path / "studies" / "0" / "a"))
    out = predict_dicom_studies(model, tmp_path / "studies", tmp_path / "out")
    assert out.problems == {}
    name = next(name for name, uid in out.uids.items() if uid == "1.2.7.0")
    structures = read_structures(tmp_path / "out" / name / "rtstruct.dcm")
    assert 0 < expected.sum() < expected.size
    assert (rasterise(structures.contours["GTVp"], series.stack) == (expected == 1)).all()
