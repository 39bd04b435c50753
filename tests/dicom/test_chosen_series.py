import numpy as np
import pytest

from dicom_files import CORONAL, oblique, write_series
from nnunet_cscn.dicom.chosen_series import chosen_series
from nnunet_cscn.errors import UserError

VOXELS = np.zeros((3, 8, 10), np.int16)


@pytest.fixture
def study(tmp_path):
    """A plain MR, one with an echo time, coronal and derived, a CT, and a series with a gap."""
    write_series(tmp_path / "a", VOXELS, uid="1.2.1", frame_of_reference="1.1")
    derived = {"orientation": CORONAL, "EchoTime": 80.5, "ImageType": [["DERIVED"]] * 3}
    write_series(tmp_path / "b", VOXELS, uid="1.2.2", frame_of_reference="1.1", **derived)
    write_series(tmp_path / "c", VOXELS, uid="1.2.3", orientation=oblique(), Modality="CT")
    places = [[0, 0, height] for height in (0, 3, 9)]
    write_series(tmp_path / "d", VOXELS, uid="1.2.4", ImagePositionPatient=places, Rows=[8, 8, 8])
    return tmp_path


def test_what_there_is_to_choose_is_described_without_names(study):
    with pytest.raises(UserError) as refused:
        chosen_series(study, [], ["T1"])
    lines = str(refused.value).splitlines()
    assert lines[0].endswith("contains 4 series; choose one by its number:")
    assert lines[1] == "  1: MR, axial, 3 slices of 8 x 10, 3 x 0.8 x 1.1 mm"
    assert lines[2] == "  2: MR, coronal, 3 slices of 8 x 10, 3 x 0.8 x 1.1 mm, echo time 80.5 ms, derived"
    assert lines[3] == "  3: CT, axial, 3 slices of 8 x 10, 3 x 0.8 x 1.1 mm"


def test_a_model_of_two_channels_takes_two_in_their_order(study):
    with pytest.raises(UserError, match="choose one number for each channel, in this order: T1, T2"):
        chosen_series(study, [1], ["T1", "T2"])
    assert [series.uid for series in chosen_series(study, [2, 1], ["T1", "T2"])] == ["1.2.2", "1.2.1"]


def test_another_modality_than_the_channels_is_refused(study):
    with pytest.raises(UserError, match="channel CT of the model needs modality CT, but the series has MR"):
        chosen_series(study, [1], ["CT"])
    assert chosen_series(study, [3], ["CT"])[0].modality == "CT"


def test_one_series_is_not_two_channels_and_frames_are_not_mixed(study):
    with pytest.raises(UserError, match="given twice"):
        chosen_series(study, [1, 1], ["T1", "T2"])
    with pytest.raises(UserError, match="different frames of reference: register them first"):
        chosen_series(study, [1, 3], ["T1", "T2"])


def test_series_of_two_patients_are_never_mixed(study):
    write_series(study / "e", VOXELS, uid="1.2.5", patient="Somebody else")
    with pytest.raises(UserError, match="different patients"):
        chosen_series(study, [1, 5], ["T1", "T2"])


def test_series_of_no_use_are_named(tmp_path):
    write_series(tmp_path / "a", VOXELS, uid="1.2.1")
    write_series(tmp_path / "b", VOXELS, uid="1.2.2")
    write_series(tmp_path / "c", VOXELS, uid="1.2.3", ImagePositionPatient=None)
    with pytest.raises(UserError, match="not usable: images have no position"):
        chosen_series(tmp_path, [], ["T1"])


def test_what_is_unusual_is_noted(study):
    (study / "a" / "torn.dcm").write_bytes(bytes(128) + b"DICM" + b"torn")
    notes = []
    chosen_series(study, [1], ["T1"], on_note=notes.append)
    assert notes[0] == "1 damaged DICOM file was passed over"
