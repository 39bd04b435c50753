import highdicom as hd
import numpy as np
import pytest

from dicom_files import AXIAL, SAGITTAL, oblique, write_series
from nnunet_cscn.dicom.headers import read_headers
from nnunet_cscn.dicom.segmentation_writer import write_segmentation
from nnunet_cscn.dicom.series import image_series
from nnunet_cscn.errors import UserError


@pytest.mark.parametrize("orientation", [AXIAL, SAGITTAL, oblique()])
def test_segments_come_back_on_their_slices(tmp_path, orientation):
    write_series(tmp_path / "mr", np.zeros((5, 12, 16), np.int16), orientation=orientation)
    (series,), _ = image_series(read_headers(tmp_path / "mr"))
    random = np.random.default_rng(0)
    masks = {"GTVp": random.random((5, 12, 16)) < 0.4, "GTVn": np.zeros((5, 12, 16), bool)}
    masks["GTVp"][0] = False
    masks["GTVn"][3, 4:6, 7:9] = True
    write_segmentation(tmp_path / "out" / "seg.dcm", masks, series)
    content = hd.seg.segread(tmp_path / "out" / "seg.dcm")
    assert [content.get_segment_description(number).segment_label for number in (1, 2)] == ["GTVp", "GTVn"]
    found = content.get_pixels_by_source_instance(list(series.instances), assert_missing_frames_are_empty=True)
    for number, mask in enumerate(masks.values()):
        assert (found[..., number] == mask).all()
    assert content.PatientID == "Secret^Name-17"
    assert content.StudyInstanceUID == series.study


def test_blank_and_missing_tags_of_the_images_are_tolerated(tmp_path):
    write_series(tmp_path / "mr", np.zeros((2, 4, 4), np.int16), FrameOfReferenceUID="", PatientID="")
    (series,), _ = image_series(read_headers(tmp_path / "mr"))
    write_segmentation(tmp_path / "seg.dcm", {"GTVp": np.ones((2, 4, 4), bool)}, series)
    assert hd.seg.segread(tmp_path / "seg.dcm").PatientID == ""


def test_nothing_segmented_is_told(tmp_path):
    write_series(tmp_path / "mr", np.zeros((2, 4, 4), np.int16))
    (series,), _ = image_series(read_headers(tmp_path / "mr"))
    with pytest.raises(UserError, match="the segmentation is empty"):
        write_segmentation(tmp_path / "seg.dcm", {"GTVp": np.zeros((2, 4, 4), bool)}, series)
    assert not (tmp_path / "seg.dcm").exists()
