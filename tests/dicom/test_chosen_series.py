import hashlib

import numpy as np
import pytest

from dicom_files import CORONAL, oblique, write_series
from nnunet_cscn.dicom.channels import ChannelPatterns
from nnunet_cscn.dicom.chosen_series import chosen_series
from nnunet_cscn.dicom.image_studies import image_headers, studies_with_images, whole_folder
from nnunet_cscn.errors import UserError

VOXELS = np.zeros((3, 8, 10), np.int16)


def choose(folder, numbers, channels, *, patterns=None, on_note=lambda note: None):
    """Choose series of a whole folder."""
    images = whole_folder(folder, image_headers(folder, on_note=on_note))
    return chosen_series(images, numbers, channels, patterns=patterns, on_note=on_note)


def uids(chosen):
    return [None if series is None else series.uid for series in chosen.channels.values()]


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
        choose(study, [], ["T1"])
    lines = str(refused.value).splitlines()
    assert lines[0].endswith("contains 4 series; choose one by its number:")
    assert lines[1] == "  1: MR, axial, 3 slices of 8 x 10, 3 x 0.8 x 1.1 mm"
    assert lines[2] == "  2: MR, coronal, 3 slices of 8 x 10, 3 x 0.8 x 1.1 mm, echo time 80.5 ms, derived"
    assert lines[3] == "  3: CT, axial, 3 slices of 8 x 10, 3 x 0.8 x 1.1 mm"


def test_a_model_of_two_channels_takes_two_in_their_order(study):
    with pytest.raises(UserError, match="choose one number for each channel, in this order: T1, T2"):
        choose(study, [1], ["T1", "T2"])
    assert uids(choose(study, [2, 1], ["T1", "T2"])) == ["1.2.2", "1.2.1"]


def test_another_modality_than_the_channels_is_refused(study):
    with pytest.raises(UserError, match="channel CT needs modality CT, but the series has MR"):
        choose(study, [1], ["CT"])
    assert choose(study, [3], ["CT"]).reference.modality == "CT"


def test_one_series_is_not_two_channels_and_frames_are_not_mixed(study):
    with pytest.raises(UserError, match="given twice"):
        choose(study, [1, 1], ["T1", "T2"])
    with pytest.raises(UserError, match="different frames of reference: register them first"):
        choose(study, [1, 3], ["T1", "T2"])


def test_series_of_two_patients_are_never_mixed(study):
    write_series(study / "e", VOXELS, uid="1.2.5", patient="Somebody else")
    with pytest.raises(UserError, match="different patients"):
        choose(study, [1, 5], ["T1", "T2"])


def test_series_of_no_use_are_named(tmp_path):
    write_series(tmp_path / "a", VOXELS, uid="1.2.1")
    write_series(tmp_path / "b", VOXELS, uid="1.2.2")
    write_series(tmp_path / "c", VOXELS, uid="1.2.3", ImagePositionPatient=None)
    with pytest.raises(UserError, match="not usable: images have no position"):
        choose(tmp_path, [], ["T1"])


def test_what_is_unusual_is_noted(study):
    (study / "a" / "torn.dcm").write_bytes(bytes(128) + b"DICM" + b"torn")
    notes = []
    choose(study, [1], ["T1"], on_note=notes.append)
    assert notes[0] == "1 damaged DICOM file was passed over"


PATTERNS = ChannelPatterns({"T1": "t1", "T2": "t2"}, optional=("T1",), reference="T2")


def described(folder, **descriptions):
    """A series for each description, all in one study and one frame of reference unless said otherwise."""
    for uid, (description, frame) in descriptions.items():
        elements = {"SeriesDescription": description, "StudyInstanceUID": "1.2.7"}
        write_series(folder / uid, VOXELS, uid=f"1.2.{uid[1:]}", frame_of_reference=frame, **elements)


def test_patterns_find_the_channels_and_name_the_reference(tmp_path):
    described(tmp_path, u1=("T2 tse", "1.1"), u2=("T1 tse", "1.1"))
    chosen = choose(tmp_path, [], ["T1", "T2"], patterns=PATTERNS)
    assert uids(chosen) == ["1.2.2", "1.2.1"]
    assert chosen.reference.uid == "1.2.1"


def test_numbers_go_before_patterns_and_patterns_of_other_channels_do_not_count(tmp_path):
    described(tmp_path, u1=("T2 tse", "1.1"), u2=("T1 tse", "1.1"))
    assert uids(choose(tmp_path, [1, 2], ["T1", "T2"], patterns=PATTERNS)) == ["1.2.1", "1.2.2"]
    with pytest.raises(UserError, match="choose one number for each channel"):
        choose(tmp_path, [], ["a", "b"], patterns=PATTERNS)


def test_an_optional_channel_may_be_missing_and_that_is_noted(tmp_path):
    described(tmp_path, u1=("T2 tse", "1.1"))
    notes = []
    assert uids(choose(tmp_path, [], ["T1", "T2"], patterns=PATTERNS, on_note=notes.append)) == [None, "1.2.1"]
    assert notes == ["channel T1 is missing and was filled with zeros"]


def test_channels_of_two_frames_of_reference_are_never_mixed(tmp_path):
    wanted = ChannelPatterns({"T1": "t1", "T2": "t2"})
    described(tmp_path, u1=("T2 tse", "1.1"), u2=("T1 tse", "1.9"))
    with pytest.raises(UserError, match="no series matches channel"):
        choose(tmp_path, [], ["T1", "T2"], patterns=wanted)
    described(tmp_path, u3=("T1 tse", "1.1"))
    assert uids(choose(tmp_path, [], ["T1", "T2"], patterns=wanted)) == ["1.2.3", "1.2.1"]


def test_series_that_are_not_found_are_listed_with_their_numbers(tmp_path):
    described(tmp_path, u1=("T2 tse", "1.1"), u2=("T2 blade", "1.1"))
    with pytest.raises(UserError, match="2 series match channel T2") as refused:
        choose(tmp_path, [], ["T1", "T2"], patterns=PATTERNS)
    assert "2: 'T2 blade': MR, axial, 3 slices of 8 x 10" in str(refused.value)
    assert refused.value.argument == "series"


def test_studies_are_separated_and_named_without_patient_data(study):
    write_series(study / "e", VOXELS, uid="1.2.5", StudyInstanceUID="1.2.7")
    write_series(study / "f", VOXELS, uid="1.2.6", StudyInstanceUID="1.2.7", ImageType=[["LOCALIZER"]] * 3)
    found = {each.uid: each for each in studies_with_images(image_headers(study))}
    assert len(found) == 5
    assert [series.uid for series in found["1.2.7"].series] == ["1.2.5"]
    assert found["1.2.7"].name == "study_" + hashlib.sha256(b"1.2.7").hexdigest()[:10]
