import numpy as np
import pydicom
import pytest

from dicom_files import CORONAL, write_series, write_structures
from nnunet_cscn.dicom.drawing import numbered
from nnunet_cscn.dicom.headers import read_headers
from nnunet_cscn.dicom.matching import series_of
from nnunet_cscn.dicom.series import image_series
from nnunet_cscn.dicom.structures import read_structures
from nnunet_cscn.errors import UserError

VOXELS = np.zeros((4, 20, 20), np.int16)
SQUARE = np.array([[-15.0, 12.0, 38.0], [-10.0, 12.0, 38.0], [-10.0, 20.0, 38.0], [-15.0, 20.0, 38.0]])


def above(height_mm):
    return np.add(SQUARE, [0, 0, height_mm])


def test_regions_and_references_are_read(tmp_path):
    slices = write_series(tmp_path / "mr", VOXELS)
    write_structures(tmp_path / "rt.dcm", {"GTVp": [SQUARE, above(3)], "empty": []}, slices=slices)
    found = read_structures(tmp_path / "rt.dcm")
    assert list(found.contours) == ["GTVp", "empty"]
    assert np.allclose(found.contours["GTVp"][1], above(3))
    assert found.references.series == {slices[0].SeriesInstanceUID}
    assert found.references.frames_of_reference == {slices[0].FrameOfReferenceUID}


def test_regions_without_contours_or_references_are_no_fault(tmp_path):
    write_structures(tmp_path / "rt.dcm", {"GTV": [SQUARE]})
    content = pydicom.dcmread(tmp_path / "rt.dcm")
    del content.ROIContourSequence
    content.save_as(tmp_path / "rt.dcm")
    assert read_structures(tmp_path / "rt.dcm").contours == {"GTV": ()}


def test_points_are_no_contours(tmp_path):
    write_structures(tmp_path / "rt.dcm", {"isocentre": [SQUARE[:1]]})
    content = pydicom.dcmread(tmp_path / "rt.dcm")
    content.ROIContourSequence[0].ContourSequence[0].ContourGeometricType = "POINT"
    content.save_as(tmp_path / "rt.dcm")
    assert read_structures(tmp_path / "rt.dcm").contours == {"isocentre": ()}


def test_a_damaged_contour_and_another_file_are_refused(tmp_path):
    write_structures(tmp_path / "rt.dcm", {"GTV": [SQUARE]})
    content = pydicom.dcmread(tmp_path / "rt.dcm")
    content.ROIContourSequence[0].ContourSequence[0].ContourData = [1, 2, 3, 4]
    content.save_as(tmp_path / "rt.dcm")
    with pytest.raises(UserError, match="GTV: a contour has 4 coordinates"):
        read_structures(tmp_path / "rt.dcm")
    write_series(tmp_path / "mr", VOXELS)
    with pytest.raises(UserError, match="not an RTSTRUCT"):
        read_structures(tmp_path / "mr" / "000.dcm")


@pytest.fixture
def two_series(tmp_path):
    """Two series of one patient, the second one half a slice higher; returns the slices of both."""
    first = write_series(tmp_path / "a", VOXELS, uid="1.2.3.1", StudyInstanceUID="1.2.3")
    higher = {"origin_mm": (-20.0, 10.0, 36.5), "StudyInstanceUID": "1.2.3"}
    second = write_series(tmp_path / "b", VOXELS, uid="1.2.3.2", **higher)
    return first, second


def chosen(tmp_path, contour, slices=()):
    write_structures(tmp_path / "rt.dcm", {"GTV": [contour]}, slices=slices)
    series, _ = image_series(read_headers(tmp_path))
    return series_of(read_structures(tmp_path / "rt.dcm"), series).series.uid


def test_the_referenced_series_is_taken(tmp_path, two_series):
    write_series(tmp_path / "c", VOXELS, uid="1.2.3.3")  # the same place as the first
    assert chosen(tmp_path, SQUARE, slices=two_series[0]) == "1.2.3.1"


def test_without_references_the_slices_that_carry_the_contours_are_taken(tmp_path, two_series):
    assert chosen(tmp_path, SQUARE) == "1.2.3.1"
    assert chosen(tmp_path, above(1.5)) == "1.2.3.2"


def test_a_stale_reference_does_not_lead_to_a_series_that_does_not_fit(tmp_path, two_series):
    assert chosen(tmp_path, above(1.5), slices=two_series[0]) == "1.2.3.2"


def test_contours_that_fit_nowhere_or_to_several_are_told(tmp_path, two_series):
    with pytest.raises(UserError, match=r"slices for at most 0 of 1 contour\b"):
        chosen(tmp_path, above(0.75))
    with pytest.raises(UserError, match=r"slices for at most 0 of 1 contour\b"):
        chosen(tmp_path, np.add(SQUARE, [500.0, 0, 0]))
    write_series(tmp_path / "c", VOXELS + 1, uid="1.2.3.3")
    with pytest.raises(UserError, match="fit 2 series"):
        chosen(tmp_path, SQUARE)


def test_localisers_and_other_orientations_are_never_taken(tmp_path, two_series):
    write_series(tmp_path / "c", VOXELS, uid="1.2.3.3", ImageType=[["ORIGINAL", "PRIMARY", "LOCALIZER"]] * 4)
    write_series(tmp_path / "d", VOXELS, uid="1.2.3.4", orientation=CORONAL)
    assert chosen(tmp_path, SQUARE) == "1.2.3.1"


def test_the_same_place_in_another_study_is_another_time(tmp_path, two_series):
    for file in (tmp_path / "a").iterdir():
        file.unlink()
    write_series(tmp_path / "later", VOXELS, uid="1.2.3.9")
    with pytest.raises(UserError, match=r"slices for at most 1 of 1 contour\b"):
        chosen(tmp_path, SQUARE, slices=two_series[0])


def test_only_the_wanted_regions_have_to_fit(tmp_path, two_series):
    far = np.add(SQUARE, [500.0, 0, 0])
    write_structures(tmp_path / "rt.dcm", {"GTV": [SQUARE], "Couch": [far]}, slices=two_series[0])
    series, _ = image_series(read_headers(tmp_path))
    structures = read_structures(tmp_path / "rt.dcm")
    assert series_of(structures, series, regions=["GTV"]).series.uid == "1.2.3.1"
    with pytest.raises(UserError, match="completely beside the images"):
        series_of(structures, series, regions=["Couch"])


def test_regions_of_the_same_name_are_told_apart_and_copies_of_contours_dropped(tmp_path):
    write_structures(tmp_path / "rt.dcm", {"GTV": [SQUARE, SQUARE], "other": [above(3)]})
    content = pydicom.dcmread(tmp_path / "rt.dcm")
    content.StructureSetROISequence[1].ROIName = "GTV"
    content.save_as(tmp_path / "rt.dcm")
    found = read_structures(tmp_path / "rt.dcm").contours
    assert {name: len(contours) for name, contours in found.items()} == {"GTV [1]": 1, "GTV [2]": 1}


def test_an_empty_contour_is_none(tmp_path):
    write_structures(tmp_path / "rt.dcm", {"GTV": [SQUARE, above(3)]})
    content = pydicom.dcmread(tmp_path / "rt.dcm")
    content.ROIContourSequence[0].ContourSequence[0].ContourData = []
    content.save_as(tmp_path / "rt.dcm")
    assert len(read_structures(tmp_path / "rt.dcm").contours["GTV"]) == 1


def test_a_region_without_its_number_and_a_garbled_coordinate_are_refused(tmp_path):
    file = tmp_path / "rt.dcm"
    write_structures(file, {"GTV": [SQUARE]})
    whole = file.read_bytes()
    content = pydicom.dcmread(file)
    del content.StructureSetROISequence[0].ROINumber
    content.save_as(file)
    with pytest.raises(UserError, match="belong to no ROI"):
        read_structures(file)
    file.write_bytes(whole.replace(b"-15", b"-1x"))
    with pytest.raises(UserError, match=r"cannot be read \(ValueError\)"):
        read_structures(file)


def test_a_file_that_is_cut_off_never_gives_a_part_of_a_regions_contours(tmp_path):
    file = tmp_path / "rt.dcm"
    write_structures(file, {"GTV": [above(height) for height in range(4)]})
    whole = file.read_bytes()
    refused = 0
    for length in range(140, len(whole)):
        file.write_bytes(whole[:length])
        try:
            assert len(read_structures(file).contours.get("GTV", ())) in (0, 4)
        except UserError:
            refused += 1
    assert refused > len(whole) // 2


def test_another_series_never_stands_in_for_one_whose_slice_is_missing(tmp_path):
    """Two sequences on one grid and frame of reference; a slice with a contour is missing in the one that is named."""
    first = write_series(tmp_path / "a", VOXELS, uid="1.2.3.1", StudyInstanceUID="1.2.3", frame_of_reference="1.2.4")
    write_series(tmp_path / "b", VOXELS, uid="1.2.3.2", StudyInstanceUID="1.2.3", frame_of_reference="1.2.4")
    write_structures(tmp_path / "rt.dcm", {"GTV": [SQUARE, above(6)]}, slices=first)
    top = max((tmp_path / "a").iterdir(), key=lambda file: pydicom.dcmread(file).ImagePositionPatient[2])
    top.unlink()
    series, _ = image_series(read_headers(tmp_path))
    with pytest.raises(UserError, match="the referenced series has slices for only 1 of 2 contours"):
        series_of(read_structures(tmp_path / "rt.dcm"), series)


def test_another_series_never_stands_in_for_one_that_cannot_be_used(tmp_path, two_series):
    write_structures(tmp_path / "rt.dcm", {"GTV": [SQUARE]}, slices=two_series[0])
    series, _ = image_series(read_headers(tmp_path / "b"))
    with pytest.raises(UserError, match="the referenced series cannot be used: inverted"):
        series_of(read_structures(tmp_path / "rt.dcm"), series, unusable={"1.2.3.1": "inverted"})


def test_images_that_are_named_with_the_series_tell_two_echoes_apart(tmp_path):
    for echo in (20.0, 80.0):
        voxels = VOXELS + int(echo)
        shared = {"uid": "1.2.3.9", "StudyInstanceUID": "1.2.3", "frame_of_reference": "1.2.4"}
        slices = write_series(tmp_path / str(echo), voxels, EchoTime=echo, **shared)
    write_structures(tmp_path / "rt.dcm", {"GTV": [SQUARE]}, slices=slices)
    series, _ = image_series(read_headers(tmp_path))
    with pytest.raises(UserError, match="the contours fit 2 series"):
        series_of(read_structures(tmp_path / "rt.dcm"), series)
    content = pydicom.dcmread(tmp_path / "rt.dcm")
    (member,) = content.ReferencedFrameOfReferenceSequence[0].RTReferencedStudySequence[0].RTReferencedSeriesSequence
    member.ContourImageSequence = []
    for each in slices:
        image = pydicom.Dataset()
        image.ReferencedSOPInstanceUID = each.SOPInstanceUID
        member.ContourImageSequence.append(image)
    content.save_as(tmp_path / "rt.dcm")
    match = series_of(read_structures(tmp_path / "rt.dcm"), series)
    assert (match.series.echo_time_ms, match.found_by) == (80.0, "listed images")


def _listing_both(tmp_path, two):
    """A structure set that lists two series on one grid, while its contour names an image of the first."""
    write_structures(tmp_path / "rt.dcm", {"GTV": [SQUARE]}, slices=two[0])
    content = pydicom.dcmread(tmp_path / "rt.dcm")
    study = content.ReferencedFrameOfReferenceSequence[0].RTReferencedStudySequence[0]
    study.RTReferencedSeriesSequence = []
    for slices in two:
        member = pydicom.Dataset()
        member.SeriesInstanceUID, member.ContourImageSequence = slices[0].SeriesInstanceUID, []
        for each in slices:
            image = pydicom.Dataset()
            image.ReferencedSOPInstanceUID = each.SOPInstanceUID
            member.ContourImageSequence.append(image)
        study.RTReferencedSeriesSequence.append(member)
    image = pydicom.Dataset()
    image.ReferencedSOPInstanceUID = two[0][1].SOPInstanceUID
    content.ROIContourSequence[0].ContourSequence[0].ContourImageSequence = [image]
    content.save_as(tmp_path / "rt.dcm")
    return read_structures(tmp_path / "rt.dcm")


def test_of_two_listed_series_the_one_whose_images_the_contours_name_is_taken(tmp_path):
    two = [write_series(tmp_path / uid, VOXELS, uid=uid, StudyInstanceUID="1.2.3") for uid in ("1.1", "1.2")]
    structures = _listing_both(tmp_path, two)
    series, _ = image_series(read_headers(tmp_path))
    match = series_of(structures, series)
    assert (match.series.uid, match.found_by) == ("1.1", "named images")
    alone = [each for each in series if each.uid == "1.1"]  # the other one, as of another modality, is no hindrance
    assert series_of(structures, alone, unusable={"1.2": "its modality is PT"}).series.uid == "1.1"
    other = [each for each in series if each.uid == "1.2"]
    with pytest.raises(UserError, match="cannot be used: inverted"):
        series_of(structures, [], unusable={"1.1": "inverted"})
    assert series_of(structures, other).series.uid == "1.2"  # the first one is not there at all


def test_equal_numbers_of_regions_are_refused(tmp_path):
    write_structures(tmp_path / "rt.dcm", {"GTVp": [SQUARE], "GTVn": [above(3)]})
    content = pydicom.dcmread(tmp_path / "rt.dcm")
    content.StructureSetROISequence[1].ROINumber = content.ROIContourSequence[1].ReferencedROINumber = 1
    content.save_as(tmp_path / "rt.dcm")
    with pytest.raises(UserError, match="same ROINumber"):
        read_structures(tmp_path / "rt.dcm")


def test_numbered_names_are_never_those_of_others():
    assert numbered({1: "GTV", 2: "GTV [1]", 3: "GTV"}) == {1: "GTV [2]", 2: "GTV [1]", 3: "GTV [3]"}
