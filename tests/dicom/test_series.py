import shutil

import numpy as np
import pydicom
import pytest
from pydicom.uid import generate_uid

from dicom_files import AXIAL, CORONAL, SAGITTAL, oblique, write_series, write_structures
from nnunet_cscn.dicom.headers import read_headers
from nnunet_cscn.dicom.pixels import read_pixels
from nnunet_cscn.dicom.series import image_series

VOXELS = np.arange(4 * 5 * 7, dtype=np.int16).reshape(4, 5, 7)


def found_in(folder):
    series, problems = image_series(read_headers(folder))
    return series, list(problems.values())


@pytest.mark.parametrize("orientation", [AXIAL, CORONAL, SAGITTAL, oblique()])
def test_slices_come_in_the_order_of_their_places_whatever_their_names(tmp_path, orientation):
    made = write_series(tmp_path / "a", VOXELS, orientation=orientation, name="IM{:05d}")
    (series,), problems = found_in(tmp_path)
    assert problems == []
    assert series.instances == tuple(each.SOPInstanceUID for each in made)
    assert series.stack.shape == VOXELS.shape
    assert series.stack.pixel_spacing_mm == (0.8, 1.1)
    assert np.allclose(series.stack.origin_mm, (-20, 10, 35))
    assert np.allclose(np.diff(series.stack.positions_mm), 3.0)
    assert (read_pixels(series) == VOXELS).all()
    assert read_pixels(series).dtype == np.int16


def test_a_mess_of_folders_is_sorted_out(tmp_path):
    write_series(tmp_path / "deep" / "er", VOXELS, uid="1.2.3.1")
    write_series(tmp_path / "deep", VOXELS[:2], uid="1.2.3.2", name="{}")
    (tmp_path / "notes.txt").write_text("not DICOM")
    (tmp_path / "empty").touch()
    (tmp_path / "DICOMDIR").write_bytes(b"\0" * 128 + b"DICM" + b"rubbish")
    (tmp_path / "__MACOSX").mkdir()
    shutil.copy(next((tmp_path / "deep" / "er").iterdir()), tmp_path / "__MACOSX" / "copy.dcm")
    write_structures(tmp_path / "rt", {"GTV": []})
    series, problems = found_in(tmp_path)
    assert sorted((each.uid, each.stack.shape[0]) for each in series) == [("1.2.3.1", 4), ("1.2.3.2", 2)]
    assert problems == []


def test_copies_of_slices_are_passed_over_and_told(tmp_path):
    write_series(tmp_path / "a", VOXELS)
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    (series,), _ = found_in(tmp_path)
    assert series.stack.shape == VOXELS.shape
    assert series.notes == ("4 copies of slices were passed over",)


def test_a_localiser_in_three_planes_is_three_stacks_and_known_as_one(tmp_path):
    for orientation in (AXIAL, CORONAL, SAGITTAL):
        kind = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
        write_series(tmp_path / str(orientation), VOXELS[:1], orientation=orientation, uid="1.2.3.9", ImageType=[kind])
    series, problems = found_in(tmp_path)
    assert [each.is_localiser for each in series] == [True] * 3
    assert problems == []


def test_echoes_of_one_series_are_taken_apart(tmp_path):
    for echo in (20.0, 80.0):
        write_series(tmp_path / str(echo), VOXELS + int(echo), uid="1.2.3.9", EchoTime=echo)
    series, problems = found_in(tmp_path)
    assert problems == []
    assert sorted(int(read_pixels(each)[0, 0, 0]) for each in series) == [20, 80]


def test_two_elements_together_take_a_series_apart(tmp_path):
    for number, (echo, kind) in enumerate(((20.0, "M"), (20.0, "P"), (80.0, "M"), (80.0, "P"))):
        elements = {"EchoTime": echo, "ImageType": [["ORIGINAL", "PRIMARY", kind]] * len(VOXELS)}
        write_series(tmp_path / str(number), VOXELS + number, uid="1.2.3.9", **elements)
    series, problems = found_in(tmp_path)
    assert problems == []
    assert sorted(int(read_pixels(each)[0, 0, 0]) for each in series) == [0, 1, 2, 3]
    assert sorted(each.echo_time_ms for each in series) == [20, 20, 80, 80]


def test_links_are_followed_and_circles_are_left(tmp_path):
    write_series(tmp_path / "archive" / "a", VOXELS)
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "link").symlink_to(tmp_path / "archive", target_is_directory=True)
    (tmp_path / "archive" / "circle").symlink_to(tmp_path / "tree", target_is_directory=True)
    (tmp_path / "tree" / "nowhere").symlink_to(tmp_path / "absent")
    (series,), _ = found_in(tmp_path / "tree")
    assert series.stack.shape == VOXELS.shape
    assert series.notes == ()


@pytest.mark.parametrize("fault", ["no position", "other spacing", "cut off"])
def test_images_of_a_series_that_are_left_out_are_told(tmp_path, fault):
    write_series(tmp_path, VOXELS)
    file = max(tmp_path.iterdir(), key=lambda file: pydicom.dcmread(file).ImagePositionPatient[2])
    content = pydicom.dcmread(file)
    if fault == "no position":
        content.ImagePositionPatient = None
    elif fault == "other spacing":
        content.PixelSpacing = [0.81, 1.1]
    content.save_as(file)
    if fault == "cut off":
        whole = file.read_bytes()
        file.write_bytes(whole[: whole.index(b"\x20\x00\x32\x00")])  # ends before ImagePositionPatient
    series, _ = found_in(tmp_path)
    (long,) = (each for each in series if each.stack.shape[0] == 3)
    assert long.notes == ("1 other image of the series was left out",)


def test_a_copy_whose_position_is_written_otherwise_is_a_copy(tmp_path):
    write_series(tmp_path / "a", VOXELS)
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    for file in (tmp_path / "b").iterdir():
        content = pydicom.dcmread(file)
        content.ImagePositionPatient = [f"{float(value):.4f}" for value in content.ImagePositionPatient]
        content.save_as(file)
    (series,), problems = found_in(tmp_path)
    assert problems == []
    assert series.stack.shape == VOXELS.shape


def test_images_that_share_a_uid_at_different_places_are_all_kept(tmp_path):
    write_series(tmp_path, VOXELS, SOPInstanceUID=["1.2.9"] * 2 + ["1.2.10", "1.2.11"])
    (series,), _ = found_in(tmp_path)
    assert series.stack.shape == VOXELS.shape
    assert series.notes == ()


def test_damaged_files_are_told_and_others_are_not(tmp_path):
    write_series(tmp_path, VOXELS)
    file = next(tmp_path.iterdir())
    (tmp_path / "cut.dcm").write_bytes(file.read_bytes()[:300])
    (tmp_path / "notes.txt").write_text("not DICOM")
    damaged = []
    assert len(read_headers(tmp_path, on_damaged=damaged.append)) == 4
    assert damaged == [tmp_path / "cut.dcm"]


def test_a_number_that_every_image_has_of_its_own_makes_no_series(tmp_path):
    for repetition in (0, 1):
        numbers = {"AcquisitionNumber": list(range(1 + 4 * repetition, 5 + 4 * repetition))}
        write_series(tmp_path / str(repetition), VOXELS + repetition, uid="1.2.3.9", **numbers)
    series, problems = found_in(tmp_path)
    assert series == []
    assert problems == ["several different images have the same position and cannot be separated"]


def test_rounding_of_directions_does_not_split_a_series(tmp_path):
    angles = np.arccos(0.9995) + np.array([-1e-4, 1e-4, -1e-4, 1e-4])
    cosines = [[np.cos(a), np.sin(a), 0, -np.sin(a), np.cos(a), 0] for a in angles]
    texts = [[f"{cosine:.10f}" for cosine in each] for each in cosines]
    write_series(tmp_path, VOXELS, ImageOrientationPatient=texts)
    (series,), _ = found_in(tmp_path)
    assert series.stack.shape == VOXELS.shape


def test_different_images_at_the_same_place_are_a_problem(tmp_path):
    for number in (0, 1):
        write_series(tmp_path / str(number), VOXELS + number, uid="1.2.3.9")
    series, problems = found_in(tmp_path)
    assert series == []
    assert problems == ["several different images have the same position and cannot be separated"]


def test_blank_tags_do_no_harm_but_those_of_the_geometry_are_needed(tmp_path):
    blank = {"PatientID": "", "SeriesDescription": "", "FrameOfReferenceUID": "", "ImageType": None}
    write_series(tmp_path / "blank", VOXELS, **blank)
    write_series(tmp_path / "without", VOXELS, ImagePositionPatient=None)
    (series,), problems = found_in(tmp_path)
    assert (series.patient, series.frame_of_reference, series.kind) == ("", "", ())
    assert problems == ["images have no position, orientation or pixel spacing"]


def test_slices_of_a_tilted_gantry_are_refused(tmp_path):
    write_series(tmp_path, VOXELS)
    for file in tmp_path.iterdir():
        content = pydicom.dcmread(file)
        height = float(content.ImagePositionPatient[2]) - 35
        content.ImagePositionPatient[1] = float(content.ImagePositionPatient[1]) + 0.2 * height
        content.save_as(file)
    series, problems = found_in(tmp_path)
    assert series == []
    assert "shifted against each other by up to 1.80 mm" in problems[0]


def test_missing_uids_do_not_make_slices_vanish(tmp_path):
    write_series(tmp_path, VOXELS, SOPInstanceUID="")
    (series,), problems = found_in(tmp_path)
    assert series.stack.shape == VOXELS.shape
    assert problems == []


@pytest.mark.parametrize(
    ("elements", "reason"),
    [
        ({"PhotometricInterpretation": "MONOCHROME1"}, "inverted images"),
        ({"ImageOrientationPatient": [[0, 0, 0, 0, 0, 0]] * 4}, "expected two perpendicular directions"),
    ],
)
def test_one_bad_series_does_not_hide_the_others(tmp_path, elements, reason):
    write_series(tmp_path / "good", VOXELS)
    write_series(tmp_path / "bad", VOXELS, **elements)
    (series,), (problem,) = found_in(tmp_path)
    assert series.stack.shape == VOXELS.shape
    assert reason in problem


def test_a_localiser_is_known_by_a_single_word_too(tmp_path):
    write_series(tmp_path, VOXELS, ImageType="LOCALIZER")
    assert found_in(tmp_path)[0][0].is_localiser


def test_the_same_name_in_two_studies_stays_two_series(tmp_path):
    for number in (0, 1):
        write_series(tmp_path / str(number), VOXELS, uid=generate_uid())
    assert len(found_in(tmp_path)[0]) == 2


def test_a_phase_may_lack_slices(tmp_path):
    for phase in range(3):
        folder = tmp_path / str(phase)
        write_series(folder, VOXELS + phase, uid="1.2.3.9", AcquisitionTime=f"1200{phase}0", shuffled=False)
    (tmp_path / "2" / "003.dcm").unlink()
    series, problems = found_in(tmp_path)
    assert problems == []
    assert [(each.stack.shape[0], each.part) for each in series] == [
        (4, "phase 1 of 3 by AcquisitionTime"),
        (4, "phase 2 of 3 by AcquisitionTime"),
        (3, "phase 3 of 3 by AcquisitionTime"),
    ]


def test_images_with_a_series_each_are_one_series_and_others_are_not(tmp_path):
    write_series(tmp_path / "a", VOXELS, SeriesInstanceUID=[f"1.2.3.{n}" for n in range(4)], SeriesNumber=3)
    write_series(tmp_path / "b", VOXELS[:2], SeriesInstanceUID=["1.2.4.1", "1.2.4.2"], SeriesNumber=4)
    series, _ = found_in(tmp_path)
    assert sorted(each.stack.shape[0] for each in series) == [1, 1, 4]
    (joined,) = (each for each in series if each.stack.shape[0] == 4)
    assert joined.aliases == {f"1.2.3.{n}" for n in range(4)}


def test_half_of_the_slices_stored_again_is_used_once(tmp_path):
    write_series(tmp_path / "a", VOXELS, uid="1.2.3.9")
    again = write_series(tmp_path / "b", VOXELS[:2], uid="1.2.3.9")
    (series,), problems = found_in(tmp_path)
    assert problems == []
    assert series.stack.shape == VOXELS.shape
    assert {each.SOPInstanceUID for each in again} <= series.aliases | set(series.instances)
    assert series.notes == ("2 images hold the same pixels as others and were not used",)
