import highdicom as hd
import numpy as np
import pydicom
import pytest

from dicom_files import AXIAL, CORONAL, SAGITTAL, oblique, write_series, write_structures
from nnunet_cscn.conversion.dicom_labels import Drawn, Region, label_map
from nnunet_cscn.conversion.dicom_regions import Handling
from nnunet_cscn.dicom.headers import read_headers
from nnunet_cscn.dicom.matching import series_of
from nnunet_cscn.dicom.segmentation_writer import write_segmentation
from nnunet_cscn.dicom.segments import read_segments
from nnunet_cscn.dicom.series import image_series
from nnunet_cscn.errors import UserError

SHAPE = (6, 12, 16)
MASK = np.zeros(SHAPE, bool)
MASK[[1, 4], 3:6, 4:9] = True  # a slice between them is empty
NODE = np.zeros(SHAPE, bool)
NODE[2, 8:11, 1:3] = True


def labels_of(segments, series, regions, *, resample=False):
    return label_map([Drawn(segments, series)], series, regions, handling=Handling(resample=resample))


@pytest.fixture
def written(tmp_path):
    """A series in an orientation, and a SEG of two segments on it; returns the series."""

    def write(orientation=AXIAL, masks=None):
        write_series(tmp_path / "mr", np.zeros(SHAPE, np.int16), orientation=orientation)
        (series,), _ = image_series(read_headers(tmp_path / "mr"))
        write_segmentation(tmp_path / "seg.dcm", masks or {"GTVp": MASK, "GTVn": NODE}, series)
        return series

    return write


@pytest.mark.parametrize("orientation", [AXIAL, CORONAL, SAGITTAL, oblique()])
def test_segments_come_back_on_their_voxels(tmp_path, written, orientation):
    series = written(orientation)
    segments = read_segments(tmp_path / "seg.dcm")
    assert segments.names == ["GTVp", "GTVn"]
    labels = labels_of(segments, series, (Region("GTVp", 1, "GTVp"), Region("nodes", 2, "GTVn")))
    assert (labels.voxels == MASK + 2 * NODE).all()
    assert labels.notes == ("GTVp: 2 of 2 slices in between carry no contour (slices 2, 3)",)
    assert labels.regions == {"GTVp": "GTVp", "nodes": "GTVn"}
    match = series_of(segments, [series])
    assert match.series is series
    assert match.found_by == "named images"


def test_the_points_are_the_corners_of_the_boxes_in_the_patient(tmp_path, written):
    series = written()
    (lower, _) = read_segments(tmp_path / "seg.dcm").points("GTVp") or ()
    # columns 4 to 8 of 1.1 mm and rows 3 to 5 of 0.8 mm from (-20, 10); slice 1 or 4 of 3 mm from 35
    assert np.allclose(lower[:, :2], [(-15.6, 12.4), (-11.2, 12.4), (-15.6, 14.0), (-11.2, 14.0)])
    assert np.isclose(lower[0, 2], 38) or np.isclose(lower[0, 2], 47)
    assert series.stack.origin_mm == (-20, 10, 35)


def test_without_references_the_geometry_tells_the_series(tmp_path, written):
    series = written(oblique())
    content = pydicom.dcmread(tmp_path / "seg.dcm")
    del content.ReferencedSeriesSequence
    content.StudyInstanceUID, content.FrameOfReferenceUID = "", "1.2.3"
    content.save_as(tmp_path / "seg.dcm")
    assert series_of(read_segments(tmp_path / "seg.dcm"), [series]).found_by == "geometry"


def test_a_fractional_segment_holds_voxels_from_one_half_on(tmp_path, written):
    series = written()
    shares = np.zeros(SHAPE, np.float32)
    shares[3, 2, 2:6] = (0.2, 0.49, 0.51, 1.0)
    description = hd.seg.SegmentDescription(
        segment_number=1,
        segment_label="GTVp",
        segmented_property_category=pydicom.sr.codedict.codes.SCT.MorphologicallyAbnormalStructure,
        segmented_property_type=pydicom.sr.codedict.codes.SCT.Neoplasm,
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.MANUAL,
    )
    images = [pydicom.dcmread(file) for file in series.files]
    for image in images:
        image.SliceThickness = 3.0
        for keyword in ("PatientBirthDate", "PatientSex", "StudyTime", "StudyID", "AccessionNumber"):
            setattr(image, keyword, "")
    hd.seg.Segmentation(
        source_images=images,
        pixel_array=shares,
        segmentation_type=hd.seg.SegmentationTypeValues.FRACTIONAL,
        segment_descriptions=[description],
        series_instance_uid=hd.UID(),
        series_number=1,
        sop_instance_uid=hd.UID(),
        instance_number=1,
        manufacturer="test",
        manufacturer_model_name="test",
        software_versions="1",
        device_serial_number="1",
        max_fractional_value=200,
    ).save_as(tmp_path / "fractional.dcm")
    labels = labels_of(read_segments(tmp_path / "fractional.dcm"), series, (Region("GTVp", 1, "GTVp"),))
    assert np.argwhere(labels.voxels).tolist() == [[3, 2, 4], [3, 2, 5]]


def test_another_grid_is_refused_or_resampled_when_asked(tmp_path, written):
    written()
    write_series(tmp_path / "shifted", np.zeros(SHAPE, np.int16), origin_mm=(-20.5, 10.0, 35.0))
    (shifted,), _ = image_series(read_headers(tmp_path / "shifted"))
    segments = read_segments(tmp_path / "seg.dcm")
    regions = (Region("GTVp", 1, "GTVp"),)
    with pytest.raises(UserError, match=r"GTVp: the segment has a different grid .* add resample=True"):
        labels_of(segments, shifted, regions)
    labels = labels_of(segments, shifted, regions, resample=True)
    assert (labels.voxels == MASK).all()  # half a millimetre is less than half a pixel of 1.1 mm
    assert labels.notes == (
        "GTVp: was resampled (0.079 ml before, 0.079 ml after)",
        "GTVp: 2 of 2 slices in between carry no contour (slices 2, 3)",
    )


def test_what_of_a_segment_lies_outside_the_images_is_told(tmp_path, written):
    written()
    write_series(tmp_path / "away", np.zeros(SHAPE, np.int16), origin_mm=(-16.0, 10.0, 35.0))
    (away,), _ = image_series(read_headers(tmp_path / "away"))
    regions = (Region("GTVp", 1, "GTVp"),)
    # its columns of 4 to 8 begin at -15.6 mm, the image half a pixel before -16: all is inside
    assert labels_of(read_segments(tmp_path / "seg.dcm"), away, regions, resample=True).voxels.sum() == MASK.sum()
    write_series(tmp_path / "far", np.zeros(SHAPE, np.int16), origin_mm=(-14.0, 10.0, 35.0))
    (far,), _ = image_series(read_headers(tmp_path / "far"))
    labels = labels_of(read_segments(tmp_path / "seg.dcm"), far, regions, resample=True)
    assert labels.voxels.sum() == 24  # one of five columns lies more than half a pixel before the first one
    assert "GTVp: 20 % of it lies outside the images and was cut off" in labels.notes


def test_only_a_series_that_is_named_or_shares_the_frame_is_resampled_onto(tmp_path, written):
    written()
    write_series(tmp_path / "other", np.zeros(SHAPE, np.int16), origin_mm=(500.0, 0.0, 0.0))
    (other,), _ = image_series(read_headers(tmp_path / "other"))
    content = pydicom.dcmread(tmp_path / "seg.dcm")
    content.StudyInstanceUID = other.study
    content.save_as(tmp_path / "seg.dcm")
    with pytest.raises(UserError, match="slices for at most 0 of 3 contours"):
        series_of(read_segments(tmp_path / "seg.dcm"), [other], must_fit=False)


def test_an_empty_segment_and_other_files_are_told(tmp_path, written):
    series = written(masks={"GTVp": MASK, "GTVn": np.zeros(SHAPE, bool)})
    segments = read_segments(tmp_path / "seg.dcm")
    with pytest.raises(UserError, match="GTVn: the ROI has no contours"):
        labels_of(segments, series, (Region("GTVn", 1, "GTVn"),))
    write_structures(tmp_path / "rt.dcm", {"GTV": []})
    with pytest.raises(UserError, match="the file is not a DICOM SEG"):
        read_segments(tmp_path / "rt.dcm")


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.995])
def test_a_file_that_is_cut_off_is_refused(tmp_path, written, share):
    written()
    whole = (tmp_path / "seg.dcm").read_bytes()
    (tmp_path / "seg.dcm").write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(UserError):
        read_segments(tmp_path / "seg.dcm").mask("GTVp")
