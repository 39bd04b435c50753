from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from dicom_files import write_series
from nnunet_cscn.dicom.headers import read_headers
from nnunet_cscn.dicom.series import image_series
from nnunet_cscn.errors import UserError
from nnunet_cscn.nifti.grids import read_grid
from nnunet_cscn.nifti.voxels import read_voxels
from nnunet_cscn.nifti.writing import write_volume
from nnunet_cscn.workflows.predict_dicom import predict_dicom


class StandIn:
    """A model of one or two channels that finds GTVp where its first image is above 0.

    It takes the place of a LoadedModel and of nnU-Net's predictor in it.
    """

    labels = {"background": 0, "GTVp": 1, "GTVn": 2}  # noqa: RUF012

    def __init__(self, *channel_names, file_ending=".nii.gz", dicom_channels=None):
        self.channel_names = channel_names
        self.predictor = self
        self.model = SimpleNamespace(
            folder=Path("A__B__C"),
            file_ending=lambda: file_ending,
            description=lambda: {"dicom_channels": dicom_channels},
            to_json=lambda: {"model": "A__B__C", "folds": [0], "checkpoint": "checkpoint_final.pth"},
        )
        self.n_predicted = 0

    def predict_from_files_sequential(self, images, targets, *_):
        self.n_predicted += 1
        files = [Path(image) for image in images[0]]
        self.images, self.grids = [read_voxels(file) for file in files], [read_grid(file) for file in files]
        write_volume(Path(f"{targets[0]}.nii.gz"), (self.images[0] > 0).astype(np.uint8), self.grids[0])


@pytest.fixture
def voxels():
    """A box of 2 x 3 x 4 voxels."""
    image = np.zeros((5, 9, 8), dtype=np.int16)
    image[1:3, 2:5, 2:6] = 100
    return image


def test_contours_segmentation_picture_and_volumes_are_returned(tmp_path, voxels):
    write_series(tmp_path / "in", voxels, pixel_spacing_mm=(0.5, 2.0), slice_spacing_mm=5.0)
    found = predict_dicom(StandIn("MR"), str(tmp_path / "in"), str(tmp_path / "out"))
    assert found.folder == tmp_path / "out"
    assert sorted(file.name for file in found.folder.iterdir()) == ["picture.png", "rtstruct.dcm", "seg.dcm"]
    assert found.volumes_ml == {"GTVp": pytest.approx(24 * 5e-3), "GTVn": 0}
    assert found.notes == ()


def test_where_nothing_is_found_there_is_no_segmentation_but_a_note(tmp_path, voxels):
    write_series(tmp_path / "in", 0 * voxels)
    told = []
    found = predict_dicom(StandIn("MR"), tmp_path / "in", tmp_path / "out", on_note=told.append)
    assert sorted(file.name for file in found.folder.iterdir()) == ["picture.png", "rtstruct.dcm"]
    assert found.notes == tuple(told)
    assert told == ["nothing was found: the structure set has no contour, and there is no SEG"]


def test_further_channels_are_brought_onto_the_first_series(tmp_path):
    """The second series has voxels of twice the size along columns; its values grow with x, so that they tell where."""
    values = np.arange(8, dtype=np.int16)[None, None].repeat(3, 0).repeat(6, 1)
    write_series(tmp_path / "a", 10 * values, pixel_spacing_mm=(1.0, 1.0), uid="1.2.1", frame_of_reference="1.1")
    write_series(tmp_path / "b", 20 * values, pixel_spacing_mm=(1.0, 2.0), uid="1.2.2", frame_of_reference="1.1")
    (first, second), _ = image_series(read_headers(tmp_path))
    assert (first.uid, second.uid) == ("1.2.1", "1.2.2")
    model = StandIn("T1", "T2")
    found = predict_dicom(model, tmp_path, tmp_path / "out", series=[1, 2])
    assert model.grids[0] == model.grids[1]
    assert (model.images[0] == model.images[1]).all()  # 10 for each mm in both
    assert found.notes == ("channel T2 was resampled and covers 90 % of the reference",)


def test_models_of_other_formats_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"A__B__C was trained on \.png files"):
        predict_dicom(StandIn("MR", file_ending=".png"), tmp_path, tmp_path / "out")
