import errno
import os

import highdicom as hd
import numpy as np
import pydicom
import pytest

from dicom_enhanced import frames_of, write_enhanced
from dicom_files import write_series
from fake_model import FakeModel
from nnunet_cscn.dicom.headers import read_headers
from nnunet_cscn.dicom.series import image_series
from nnunet_cscn.errors import UserError
from nnunet_cscn.workflows.predict_dicom import predict_dicom


@pytest.fixture
def voxels():
    """A box of 2 x 3 x 4 voxels."""
    image = np.zeros((5, 9, 8), dtype=np.int16)
    image[1:3, 2:5, 2:6] = 100
    return image


def test_contours_segmentation_picture_and_volumes_are_returned(tmp_path, voxels):
    write_series(tmp_path / "in", voxels, pixel_spacing_mm=(0.5, 2.0), slice_spacing_mm=5.0)
    found = predict_dicom(FakeModel("MR"), str(tmp_path / "in"), str(tmp_path / "out"))
    assert found.folder == tmp_path / "out"
    assert sorted(file.name for file in found.folder.iterdir()) == ["picture.png", "rtstruct.dcm", "seg.dcm"]
    assert found.volumes_ml == {"GTVp": pytest.approx(24 * 5e-3), "GTVn": 0}
    assert found.notes == ()


def test_where_nothing_is_found_there_is_no_segmentation_but_a_note(tmp_path, voxels):
    write_series(tmp_path / "in", 0 * voxels)
    told = []
    found = predict_dicom(FakeModel("MR"), tmp_path / "in", tmp_path / "out", on_note=told.append)
    assert sorted(file.name for file in found.folder.iterdir()) == ["picture.png", "rtstruct.dcm"]
    assert found.notes == tuple(told)
    assert told == ["nothing was found: the structure set has no contour, and there is no SEG"]


def test_further_channels_are_brought_onto_the_first_series(tmp_path):
    """The second series has twice the voxel size along columns. Its values increase with x, so they show the
    position."""
    values = np.arange(8, dtype=np.int16)[None, None].repeat(3, 0).repeat(6, 1)
    write_series(tmp_path / "a", 10 * values, pixel_spacing_mm=(1.0, 1.0), uid="1.2.1", frame_of_reference="1.1")
    write_series(tmp_path / "b", 20 * values, pixel_spacing_mm=(1.0, 2.0), uid="1.2.2", frame_of_reference="1.1")
    (first, second), _ = image_series(read_headers(tmp_path))
    assert (first.uid, second.uid) == ("1.2.1", "1.2.2")
    model = FakeModel("T1", "T2")
    found = predict_dicom(model, tmp_path, tmp_path / "out", series=[1, 2])
    assert model.grids[0] == model.grids[1]
    assert (model.images[0] == model.images[1]).all()  # 10 for each mm in both
    assert found.notes == ("channel T2 was resampled onto the reference",)


def test_channels_are_found_by_the_patterns_of_the_data_set(tmp_path):
    """The contours lie on the reference, the second channel, in which the box has values above 0."""
    common = {"frame_of_reference": "1.1", "StudyInstanceUID": "1.2.7"}
    box = np.zeros((5, 9, 8), dtype=np.int16)
    box[1:3, 2:5, 2:6] = 100
    write_series(tmp_path / "in" / "a", box, uid="1.2.1", SeriesDescription="T1 tse", **common)
    finer = np.repeat(np.repeat(box, 2, axis=1), 2, axis=2)
    write_series(
        tmp_path / "in" / "b", finer, uid="1.2.2", SeriesDescription="T2", pixel_spacing_mm=(0.4, 0.55), **common
    )
    write_series(tmp_path / "in" / "c", box, uid="1.2.3", SeriesDescription="localiser", **common)
    wanted = {"patterns": {"T1": "t1", "T2": "t2", "FLAIR": "flair"}, "optional": ["FLAIR"], "reference": "T2"}
    model = FakeModel("T1", "T2", "FLAIR", dicom_channels=wanted)
    found = predict_dicom(model, tmp_path / "in", tmp_path / "out")
    assert (model.images[1] == finer).all()
    assert not model.images[2].any()
    structures = pydicom.dcmread(tmp_path / "out" / "rtstruct.dcm")
    study = structures.ReferencedFrameOfReferenceSequence[0].RTReferencedStudySequence[0]
    assert study.RTReferencedSeriesSequence[0].SeriesInstanceUID == "1.2.2"
    assert "channel FLAIR is missing and was filled with zeros" in found.notes


def test_contours_on_an_enhanced_image_refer_to_its_frames(tmp_path, voxels):
    image = write_enhanced(tmp_path / "in" / "a.dcm", frames_of(voxels))
    predict_dicom(FakeModel("MR"), tmp_path / "in", tmp_path / "out")
    contours = pydicom.dcmread(tmp_path / "out" / "rtstruct.dcm").ROIContourSequence[0].ContourSequence
    named = [contour.ContourImageSequence[0] for contour in contours]
    assert [(item.ReferencedSOPInstanceUID, item.ReferencedFrameNumber) for item in named] == [
        (image.SOPInstanceUID, 2),
        (image.SOPInstanceUID, 3),
    ]
    segments = hd.seg.segread(tmp_path / "out" / "seg.dcm").get_pixels_by_source_frame(
        image.SOPInstanceUID, [1, 2, 3, 4, 5], assert_missing_frames_are_empty=True
    )
    assert (segments[..., 0] == (voxels > 0)).all()


def test_models_of_other_formats_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"A__B__C.*\.png"):
        predict_dicom(FakeModel("MR", file_ending=".png"), tmp_path, tmp_path / "out")


def series_named_by(structures):
    """The SeriesInstanceUIDs that an RTSTRUCT names."""
    study = structures.ReferencedFrameOfReferenceSequence[0].RTReferencedStudySequence[0]
    return [member.SeriesInstanceUID for member in study.RTReferencedSeriesSequence]


def test_slices_with_a_series_of_their_own_are_all_named(tmp_path, voxels):
    uids = [f"1.2.3.{index}" for index in range(len(voxels))]
    slices = write_series(tmp_path / "in", voxels, SeriesInstanceUID=uids)
    predict_dicom(FakeModel("MR"), tmp_path / "in", tmp_path / "out")
    structures, segments = (pydicom.dcmread(tmp_path / "out" / name) for name in ("rtstruct.dcm", "seg.dcm"))
    assert series_named_by(structures) == uids
    named = [
        (item.SeriesInstanceUID, image.ReferencedSOPInstanceUID)
        for item in segments.ReferencedSeriesSequence
        for image in item.ReferencedInstanceSequence
    ]
    assert named == [(uid, image.SOPInstanceUID) for uid, image in zip(uids, slices, strict=True)]


def test_files_without_the_prefix_of_dicom_are_predicted(tmp_path, voxels):
    write_series(tmp_path / "in", voxels)
    for file in (tmp_path / "in").iterdir():
        file.write_bytes(file.read_bytes()[132:])
    found = predict_dicom(FakeModel("MR"), tmp_path / "in", tmp_path / "out")
    assert sorted(file.name for file in found.folder.iterdir()) == ["picture.png", "rtstruct.dcm", "seg.dcm"]


def test_uids_of_the_meta_information_stand_in_for_missing_ones(tmp_path, voxels):
    slices = write_series(tmp_path / "in", voxels)
    for file in (tmp_path / "in").iterdir():
        content = pydicom.dcmread(file)
        del content.SOPClassUID, content.SOPInstanceUID, content.Modality
        content.save_as(file)
    predict_dicom(FakeModel("MR"), tmp_path / "in", tmp_path / "out")
    (listed,) = pydicom.dcmread(tmp_path / "out" / "seg.dcm").ReferencedSeriesSequence
    named = {(item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID) for item in listed.ReferencedInstanceSequence}
    assert named == {(image.SOPClassUID, image.SOPInstanceUID) for image in slices}


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID"])
def test_images_to_which_contours_cannot_refer_are_refused_before_anything_is_written(tmp_path, voxels, keyword):
    write_series(tmp_path / "in", voxels)
    for file in (tmp_path / "in").iterdir():
        content = pydicom.dcmread(file)
        del content[keyword]
        content.save_as(file)
    with pytest.raises(UserError, match=keyword):
        predict_dicom(FakeModel("MR"), tmp_path / "in", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_full_disk_is_not_blamed_on_the_images(tmp_path, voxels, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "seg.dcm")

    monkeypatch.setattr("nnunet_cscn.dicom.segmentation_writer.write_segmentation", full)
    write_series(tmp_path / "in", voxels)
    with pytest.raises(OSError, match=r"seg\.dcm"):
        predict_dicom(FakeModel("MR"), tmp_path / "in", tmp_path / "out")
