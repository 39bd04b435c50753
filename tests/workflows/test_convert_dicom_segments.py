"""Segments of DICOM SEG files, as different programs write them."""

import copy

import numpy as np
import pytest
from pydicom.uid import generate_uid

from dicom_files import write_series
from drawn_studies import SHAPE, VOXELS, boxes, convert, mask, phantom, segmentation, write_regions

BOX = 48
NODE = {"low": (12.5, 2.5), "high": (15.5, 5.5), "numbers": (2, 3)}  # 3 x 3 pixels on two slices
BOTH = ("GTVp", "GTVn")


@pytest.fixture
def slices(tmp_path):
    return phantom(tmp_path / "study" / "mr")


@pytest.fixture
def study(tmp_path, slices):
    """Return a function that writes a SEG beside the phantom and converts it."""

    def run(content, rois=("GTVp",), **options):
        content.save_as(tmp_path / "study" / "seg.dcm")
        return convert(tmp_path / "study", rois, **options)

    return run


def pair(slices):
    """A SEG of a box and a node."""
    return segmentation(slices, np.stack([mask(), mask(**NODE)], axis=-1), BOTH)


def test_segments_may_lack_what_describes_them(study, slices):
    content = pair(slices)
    for item in content.SegmentSequence:
        for keyword in ("SegmentAlgorithmType", "SegmentedPropertyCategoryCodeSequence"):
            delattr(item, keyword)
    outcome = study(content, BOTH)
    assert outcome.counts == [[5 * BOX, 2 * 9]]


def test_frames_may_be_ordered_by_their_position_alone(study, slices):
    content = segmentation(slices, mask(), ["GTVp"])
    kept = [n for n, item in enumerate(content.DimensionIndexSequence) if item.DimensionIndexPointer != 0x0062000B]
    content.DimensionIndexSequence = [content.DimensionIndexSequence[number] for number in kept]
    for group in content.PerFrameFunctionalGroupsSequence:
        frame = group.FrameContentSequence[0]
        frame.DimensionIndexValues = [frame.DimensionIndexValues[number] for number in kept]
    assert study(content).counts == [[5 * BOX]]


def test_frames_of_a_single_segment_need_no_number(study, slices):
    content = segmentation(slices, mask(), ["GTVp"])
    for group in (*content.PerFrameFunctionalGroupsSequence, *content.SharedFunctionalGroupsSequence):
        if "SegmentIdentificationSequence" in group:
            del group.SegmentIdentificationSequence
    assert study(content).counts == [[5 * BOX]]


def test_numbers_of_segments_may_have_gaps(study, slices):
    content = pair(slices)
    content.SegmentSequence[1].SegmentNumber = 3
    for group in content.PerFrameFunctionalGroupsSequence:
        item = group.SegmentIdentificationSequence[0]
        item.ReferencedSegmentNumber = {1: 1, 2: 3}[item.ReferencedSegmentNumber]
    assert study(content, BOTH).counts == [[5 * BOX, 2 * 9]]


def test_segments_of_one_name_are_joined_on_request(study, slices):
    content = segmentation(slices, np.stack([mask(), mask(**NODE)], axis=-1), ["Lesion", "Lesion"])
    assert "2 ROIs match Lesion" in study(content, ["Lesion"]).problems[0]
    assert study(content, ["Lesion"], merge=True).counts == [[5 * BOX + 2 * 9]]


def test_segments_in_several_files_make_one_case(tmp_path, slices):
    segmentation(slices, mask(), ["GTVp"]).save_as(tmp_path / "study" / "p.dcm")
    segmentation(slices, mask(**NODE), ["GTVn"]).save_as(tmp_path / "study" / "n.dcm")
    assert convert(tmp_path / "study", BOTH).counts == [[5 * BOX, 2 * 9]]


def test_an_empty_segment_is_an_absent_label(study, slices):
    content = segmentation(slices, mask(), ["GTVp"])
    empty = copy.deepcopy(content.SegmentSequence[0])
    empty.SegmentNumber, empty.SegmentLabel = 2, "GTVn"
    content.SegmentSequence.append(empty)
    assert 'add optional=["GTVn"]' in study(content, BOTH).problems[0]
    outcome = study(content, BOTH, optional=["GTVn"])
    assert outcome.counts == [[5 * BOX]]
    assert "GTVn is absent" in outcome.notes[0]


def test_segments_that_overlap_are_told(study, slices):
    """The second box begins 3 columns further: it covers 3 of the 6 columns of the first."""
    shifted = mask((6.5, 5.5), (12.5, 13.5))
    outcome = study(segmentation(slices, np.stack([mask(), shifted], axis=-1), BOTH), BOTH)
    assert outcome.counts == [[5 * 24, 5 * 48]]
    assert "120 voxels of GTVp lie under" in outcome.notes[0]


def test_padding_of_a_label_map_is_no_region(study, slices):
    voxels = mask() + 2 * mask(**NODE)
    content = segmentation(slices, voxels, BOTH, kind="LABELMAP")
    assert study(content, BOTH).counts == [[5 * BOX, 2 * 9]]
    content.PixelPaddingValue = 2
    assert "no ROI matches GTVn; available ROIs: 'GTVp'" in study(content, BOTH).problems[0]


def test_empty_slices_between_are_told_and_filled_on_request(study, slices):
    content = segmentation(slices, mask(numbers=(2, 4, 6)), ["GTVp"])
    outcome = study(content)
    assert outcome.counts == [[3 * BOX]]
    assert "2 of 3 slices in between carry no contour (slices 3, 5)" in outcome.notes[0]
    assert study(content, interpolate=True, overwrite=True).counts == [[5 * BOX]]


def test_what_lies_outside_the_images_is_cut_off_and_told(tmp_path):
    """The image begins 5 columns further than the one that was segmented: 2 of 6 columns are outside."""
    wide = phantom(tmp_path / "wide", frame_of_reference="1.2.3")
    study, uid = wide[0].StudyInstanceUID, wide[0].SeriesInstanceUID
    place = {"origin_mm": (-20.0 + 6 * 1.1, 10.0, 35.0), "frame_of_reference": "1.2.3", "patient": "P1"}
    folder = tmp_path / "study"
    write_series(folder / "mr", VOXELS[:, :, 6:], uid=uid, StudyInstanceUID=study, **place)
    segmentation(wide, mask(), ["GTVp"]).save_as(folder / "seg.dcm")
    outcome = convert(folder)
    assert outcome.counts == [[5 * 4 * 8]]
    assert "33 % of it lies outside the images" in outcome.notes[0]


def test_the_remedy_is_resampling_only_where_it_helps(tmp_path, slices):
    """A SEG of half the spacing in each row is another grid; one of an image that is not there is not."""
    fine = write_series(
        tmp_path / "fine",
        np.zeros((10, 20, 48), np.int16),
        uid=slices[0].SeriesInstanceUID,
        StudyInstanceUID=slices[0].StudyInstanceUID,
        frame_of_reference=slices[0].FrameOfReferenceUID,
        patient="P1",
        pixel_spacing_mm=(0.8, 0.55),
        origin_mm=(-20.275, 10.0, 35.0),
    )
    voxels = np.repeat(mask(), 2, axis=2)
    folder = tmp_path / "study"
    segmentation(fine, voxels, ["GTVp"]).save_as(folder / "seg.dcm")
    assert "add resample=True" in convert(folder).problems[0]
    assert convert(folder, resample=True).counts == [[5 * BOX]]
    away = write_series(tmp_path / "away", np.zeros(SHAPE, np.int16), origin_mm=(900.0, 0, 0), patient="P1")
    content = segmentation(away, mask(), ["GTVp"])
    content.StudyInstanceUID = generate_uid()
    content.save_as(folder / "seg.dcm")
    assert "resample=True" not in convert(folder).problems[0]


def test_a_segment_stands_in_for_a_region_that_the_structure_set_lacks(tmp_path, slices):
    """The SEG's GTVp is another one: the structure set's counts."""
    folder = tmp_path / "study"
    write_regions(folder / "rt.dcm", {"GTVp": boxes(slices)}, slices)
    masks = np.stack([mask((0.5, 0.5), (4.5, 4.5)), mask(**NODE)], axis=-1)
    segmentation(slices, masks, BOTH).save_as(folder / "seg.dcm")
    outcome = convert(folder)
    assert outcome.counts == [[5 * BOX]]
    assert outcome.details[0]["drawn_in"] == "RTSTRUCT"
    outcome = convert(folder, BOTH, overwrite=True)
    assert outcome.counts == [[5 * BOX, 2 * 9]]
    assert outcome.details[0]["drawn_in"] == "RTSTRUCT + SEG"
