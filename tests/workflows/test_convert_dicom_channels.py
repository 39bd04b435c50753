import csv
import json

import numpy as np
import pydicom
import pytest

from dicom_enhanced import frames_of, write_enhanced
from dicom_files import write_series, write_structures
from dicom_studies import VOXELS, read, square
from nnunet_cscn.errors import ArgumentError
from nnunet_cscn.workflows.convert_dicom import convert_dicom

CHANNELS = {"T1": "t1.*(?!ce)", "T1C": "t1.*ce", "T2": "t2"}
COMMON = {"StudyInstanceUID": "1.2.7", "frame_of_reference": "1.2.8", "patient": "Secret-A"}


def add(folder, description, voxels, **options):
    elements = {**COMMON, "SeriesDescription": description, **options}
    return write_series(folder / description.replace(" ", "_"), voxels, **elements)


def contour(folder, slices, *, on=(1, 2)):
    """GTVp of 4 x 6 voxels on each of some slices."""
    contours = {"GTVp": [square(slices, index, (3.5, 5.5), (7.5, 11.5)) for index in on]}
    write_structures(folder / "rt.dcm", contours, slices=slices, patient="Secret-A")


@pytest.fixture
def study(tmp_path):
    """T1 with contours and T1 CE on one grid; T2 of pixels of half the size with values that grow with x."""
    folder = tmp_path / "studies" / "a"
    slices = add(folder, "t1 tse", VOXELS)
    add(folder, "T1 tse CE", VOXELS + 1000)
    ramp = np.arange(48, dtype=np.int16)[None, None].repeat(4, 0).repeat(40, 1)
    add(folder, "T2 haste", 10 * ramp, pixel_spacing_mm=(0.4, 0.55))
    contour(folder, slices)
    return folder


@pytest.fixture
def convert(tmp_path, study):
    def run(channels=None, **options):
        return convert_dicom(
            study.parent, tmp_path / "raw", dataset_id=950, rois={"GTVp": "GTVp"},
            channels=CHANNELS if channels is None else channels, **options,
        )  # fmt: skip

    return run


def channel(result, number, case="DICOM_001"):
    return read(result.folder / "imagesTr" / f"{case}_{number:04d}.nii.gz")[0]


def test_series_of_a_study_become_channels_on_the_grid_of_the_contoured_one(convert):
    result = convert()
    assert result.problems == {}
    assert (channel(result, 0) == VOXELS).all()
    assert (channel(result, 1) == VOXELS + 1000).all()
    # pixel x of the reference lies at x * 1.1 mm, which is pixel 2 x of the finer series
    expected = 20 * np.arange(VOXELS.shape[2])[None, None].repeat(4, 0).repeat(20, 1)
    assert (channel(result, 2) == expected).all()
    assert (read(result.folder / "labelsTr" / "DICOM_001.nii.gz")[0] == 1).sum() == 2 * 4 * 6
    case = result.converted["DICOM_001"]
    assert "channel T2 was resampled onto the reference" in case.notes
    assert not any("T1" in note for note in case.notes)
    (row,) = csv.DictReader(result.report.open(encoding="utf-8"))
    assert (row["T1_series"], row["T1C_series"], row["T2_series"]) == ("t1 tse", "T1 tse CE", "T2 haste")


def test_the_patterns_and_the_usual_reference_stand_in_dataset_json(convert):
    content = json.loads((convert().folder / "dataset.json").read_text(encoding="utf-8"))
    assert content["channel_names"] == {"0": "T1", "1": "T1C", "2": "T2"}
    assert content["dicom_channels"] == {"patterns": CHANNELS, "optional": [], "reference": "T1"}


def test_another_reference_gets_the_regions_too(convert):
    """Pixels of the T2 series have half the size, so each voxel of the region becomes four."""
    result = convert(reference="T2")
    assert result.problems == {}
    labels, image = read(result.folder / "labelsTr" / "DICOM_001.nii.gz")
    assert image.GetSpacing() == pytest.approx((0.55, 0.4, 3.0))
    assert abs(int(labels.sum()) - 4 * 2 * 4 * 6) <= 2 * 2 * (8 + 12)  # one row and column of pixels at the edges
    assert channel(result, 2)[0, 0].tolist() == [10 * x for x in range(48)]
    assert (
        json.loads((result.folder / "dataset.json").read_text(encoding="utf-8"))["dicom_channels"]["reference"] == "T2"
    )


def test_a_missing_channel_is_refused_with_what_there_is_or_filled_with_zeros(convert):
    wanted = {**CHANNELS, "FLAIR": "flair"}
    reason = convert(wanted).problems["DICOM_001"]
    assert "no series matches channel FLAIR (flair)" in reason
    assert "'T2 haste': MR, axial, 4 slices of 40 x 48" in reason
    result = convert(wanted, optional_channels=["FLAIR"])
    assert not channel(result, 3).any()
    assert "channel FLAIR is missing and was filled with zeros" in result.converted["DICOM_001"].notes


def test_series_of_another_frame_of_reference_or_study_are_no_channels(convert, study):
    add(study, "flair", VOXELS, frame_of_reference="1.2.99")
    add(study, "flair of another visit", VOXELS, frame_of_reference="1.2.98", StudyInstanceUID="1.2.71")
    reason = convert({"T1": "t1 tse$", "FLAIR": "flair"}).problems["DICOM_001"]
    assert "no series matches channel FLAIR" in reason
    assert "1 series of the study have another frame of reference: register them first" in reason


def test_several_series_of_a_channel_are_listed_unless_one_is_contoured(convert, study):
    add(study, "t1 tse again", VOXELS + 5)
    result = convert({"T1": "t1 tse(?! ce)"})
    assert (channel(result, 0) == VOXELS).all()
    assert "2 series match channel T1: the contoured one was used" in result.converted["DICOM_001"].notes
    add(study, "T2 haste again", VOXELS)
    assert "2 series match channel T2" in convert(overwrite=True).problems["DICOM_001"]


def test_regions_on_a_series_that_is_no_channel_are_noted(convert):
    result = convert({"T2": "t2"})
    assert result.problems == {}
    assert channel(result, 0).shape == VOXELS.shape
    assert "the regions were drawn on a series that is no channel" in result.converted["DICOM_001"].notes


def test_an_echo_of_an_enhanced_image_can_be_a_channel(convert, study):
    echoes = [
        frame
        for echo in (20.0, 80.0)
        for frame in frames_of(VOXELS + int(echo), MREchoSequence={"EffectiveEchoTime": echo})
    ]
    elements = {"StudyInstanceUID": "1.2.7", "FrameOfReferenceUID": "1.2.8", "PatientID": "Secret-A"}
    write_enhanced(study / "dixon.dcm", echoes, SeriesDescription="dixon", **elements)
    result = convert({"T1": "t1 tse(?! ce)", "late": "dixon.*echo time 80"})
    assert result.problems == {}
    assert (channel(result, 1) == VOXELS + 80).all()


def test_a_pattern_chooses_the_echo_that_contours_do_not_name(convert, study, tmp_path):
    """The contours name the file alone, which holds two echoes."""
    for file in study.rglob("*.dcm"):
        file.unlink()
    echoes = [
        frame
        for echo in (20.0, 80.0)
        for frame in frames_of(VOXELS + int(echo), MREchoSequence={"EffectiveEchoTime": echo})
    ]
    elements = {"StudyInstanceUID": "1.2.7", "FrameOfReferenceUID": "1.2.8", "PatientID": "Secret-A"}
    image = write_enhanced(study / "dixon.dcm", echoes, SeriesDescription="dixon", **elements)
    image.ImageOrientationPatient, image.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [-20, 10, 38]
    contour(study, [image, image, image])
    assert "2 series" in convert({}).problems["DICOM_001"]
    result = convert({"late": "echo time 80"}, overwrite=True)
    assert result.problems == {}
    assert (channel(result, 0) == VOXELS + 80).all()


def test_the_echo_whose_frames_the_contours_name_is_converted(convert, study):
    for file in study.rglob("*.dcm"):
        file.unlink()
    echoes = [
        frame
        for echo in (20.0, 80.0)
        for frame in frames_of(VOXELS + int(echo), MREchoSequence={"EffectiveEchoTime": echo})
    ]
    elements = {"StudyInstanceUID": "1.2.7", "FrameOfReferenceUID": "1.2.8", "PatientID": "Secret-A"}
    image = write_enhanced(study / "dixon.dcm", echoes, **elements)
    image.ImageOrientationPatient, image.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [-20, 10, 38]
    contour(study, [image, image, image])
    structures = pydicom.dcmread(study / "rt.dcm")
    for drawn in structures.ROIContourSequence[0].ContourSequence:
        named = pydicom.Dataset()
        named.ReferencedSOPInstanceUID, named.ReferencedFrameNumber = image.SOPInstanceUID, 6
        drawn.ContourImageSequence = [named]
    structures.save_as(study / "rt.dcm")
    result = convert({})
    assert result.problems == {}
    assert (channel(result, 0) == VOXELS + 80).all()
    assert (read(result.folder / "labelsTr" / "DICOM_001.nii.gz")[0] == 1).any(axis=(1, 2)).tolist() == [0, 1, 0, 0]


@pytest.mark.parametrize(
    ("channels", "options", "argument"),
    [
        ({"T1": "t1("}, {}, "channels"),
        ({"T1": "t1"}, {"reference": "T2"}, "reference"),
        ({"T1": "t1"}, {"optional_channels": ["T2"]}, "optional_channels"),
        ({}, {"reference": "T1"}, "reference"),
        ({}, {"optional_channels": ["T1"]}, "optional_channels"),
    ],
)
def test_a_wrong_argument_is_named_before_anything_is_written(convert, tmp_path, channels, options, argument):
    with pytest.raises(ArgumentError) as refused:
        convert(channels, **options)
    assert refused.value.argument == argument
    assert not (tmp_path / "raw").exists()
