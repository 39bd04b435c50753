"""No contour is lost without a word: types, empty slices, several in a slice, planes, edges of the image."""

import numpy as np
import pytest

from drawn_studies import HIGH, LOW, SLICES, Contour, boxes, convert, corners, phantom, write_regions

BOX = 48  # pixels of a box on one slice


@pytest.fixture
def study(tmp_path):
    """Return a function that writes contours on the phantom and converts them."""
    slices = phantom(tmp_path / "study" / "mr")

    def run(draw, **options):
        write_regions(tmp_path / "study" / "rt.dcm", {"GTVp": draw(slices)}, slices)
        return convert(tmp_path / "study", **options)

    return run


def with_kind(kind, numbers=(3, 5)):
    """Boxes on all slices, some of another type."""

    def draw(slices):
        drawn = boxes(slices)
        for number in numbers:
            drawn[number - SLICES[0]].kind = kind
        return drawn

    return draw


def test_interpolated_contours_are_filled(study):
    outcome = study(with_kind("INTERPOLATED_PLANAR"))
    assert outcome.counts == [[5 * BOX]]
    assert outcome.notes == [""]


@pytest.mark.parametrize("kind", ["POINT", "OPEN_PLANAR", "OPEN_NONPLANAR", "SCRIBBLE"])
def test_half_a_tumour_is_never_lost(study, kind):
    """Two of five equal contours are 40 % of the area."""
    outcome = study(with_kind(kind))
    assert outcome.counts == []
    (problem,) = outcome.problems
    assert f"2 {kind} (slices 3, 5)" in problem
    assert "40 %" in problem
    allowed = study(with_kind(kind), allow_loss=True)
    assert allowed.counts == [[3 * BOX]]
    assert f"2 {kind} (slices 3, 5)" in allowed.notes[0]


def test_a_region_of_open_contours_alone_is_refused_by_their_type(study):
    (problem,) = study(lambda slices: boxes(slices, kind="OPEN_PLANAR"), allow_loss=True).problems
    assert "5 OPEN_PLANAR" in problem


def test_contours_without_a_type_are_filled_and_counted(study):
    outcome = study(with_kind(""))
    assert outcome.counts == [[5 * BOX]]
    assert "2 contours without a type" in outcome.notes[0]


def test_points_and_lines_are_named_and_enclose_nothing(study):
    def draw(slices):
        points = corners(slices, 8)
        return [*boxes(slices), Contour(points[:1], kind="POINT"), Contour(points[:2]), Contour(points[:1])]

    outcome = study(draw)
    assert outcome.counts == [[5 * BOX]]
    assert all(text in outcome.notes[0] for text in ("1 POINT (slice 8)", "1 with two points", "1 with one point"))


def test_slices_without_a_contour_are_told_and_filled_on_request(study):
    """Equal boxes on slices 2, 4, 6 and 8: the three between have the same shape."""

    def draw(slices):
        return boxes(slices, (2, 4, 6, 8))

    outcome = study(draw)
    assert outcome.counts == [[4 * BOX]]
    assert "3 of 5 slices in between carry no contour (slices 3, 5, 7)" in outcome.notes[0]
    filled = study(draw, interpolate=True, overwrite=True)
    assert filled.counts == [[7 * BOX]]
    assert "3 of them were filled by interpolation" in filled.notes[0]


def test_two_separate_parts_are_never_joined_by_interpolation(study):
    outcome = study(
        lambda slices: boxes(slices, (1,), (0.5, 0.5), (4.5, 4.5)) + boxes(slices, (6,), (12.5, 9.5), (16.5, 13.5)),
        interpolate=True,
    )
    assert outcome.counts == [[16 + 16]]
    assert "4 of 4 slices in between" in outcome.notes[0]


def test_contours_that_cross_are_joined_and_inner_ones_are_holes(study):
    """6 x 8 pixels, and the same 3 pixels further: 9 x 8 together. The hole of 2 x 2 is on slice 2 alone."""

    def draw(slices):
        shifted = boxes(slices, (4,), (LOW[0] + 3, LOW[1]), (HIGH[0] + 3, HIGH[1]))
        return [*boxes(slices), *shifted, *boxes(slices, (2,), (5.5, 7.5), (7.5, 9.5))]

    outcome = study(draw)
    assert outcome.counts == [[5 * BOX + 3 * 8 - 4]]
    assert "were joined (slice 4)" in outcome.notes[0]
    assert "holes (slice 2)" in outcome.notes[0]


def test_exclusive_contours_are_combined_by_exclusive_or(study):
    """Two boxes of 6 x 8 that share 3 x 8 leave two times 3 x 8."""

    def draw(slices):
        shifted = boxes(slices, SLICES, (LOW[0] + 3, LOW[1]), (HIGH[0] + 3, HIGH[1]), kind="CLOSEDPLANAR_XOR")
        return [*boxes(slices, kind="CLOSEDPLANAR_XOR"), *shifted]

    assert study(draw).counts == [[5 * 6 * 8]]


def test_a_contour_without_a_voxel_centre_is_told_with_its_slice(study):
    outcome = study(lambda slices: [*boxes(slices), *boxes(slices, (7,), (4.1, 6.1), (4.4, 6.4))])
    assert outcome.counts == [[5 * BOX]]
    assert "too small to hold a voxel centre (slice 7)" in outcome.notes[0]


@pytest.mark.parametrize("off_mm", [0.5, 1.2, -1.4])
def test_contours_off_the_slices_come_to_the_nearest_one(study, off_mm):
    outcome = study(lambda slices: boxes(slices, off_mm=off_mm))
    assert np.flatnonzero(outcome.labels[0].any(axis=(1, 2))).tolist() == list(SLICES)
    assert f"up to {abs(off_mm)} mm off the slices" in outcome.notes[0]


def test_contours_half_a_slice_off_are_refused_with_the_figure(study):
    (problem,) = study(lambda slices: boxes(slices, off_mm=1.5)).problems
    assert "1.5 mm" in problem
    assert "3 mm apart" in problem


def test_of_finer_planes_those_nearest_to_the_slices_count(study):
    """Planes every millimetre from slice 2 to slice 6: 13, of which 5 lie on slices."""

    def draw(slices):
        return [
            Contour(corners(slices, 2, (LOW[0], LOW[1]), (HIGH[0] - (height % 3 > 0), HIGH[1]), off_mm=height))
            for height in range(13)
        ]

    outcome = study(draw)
    assert outcome.counts == [[5 * BOX]]
    assert "8 contours on planes between the slices" in outcome.notes[0]


def test_what_lies_beside_the_images_is_cut_off_and_told(study):
    """12 columns, of which 4.0 lie before the first one, as far as 4 x 1.1 mm."""
    outcome = study(lambda slices: boxes(slices, SLICES, (-4.5, 5.5), (7.5, 13.5)))
    assert outcome.counts == [[5 * 8 * 8]]
    assert "33 % of it lies outside the images (up to 4.4 mm)" in outcome.notes[0]


def test_most_of_a_region_beside_the_images_is_refused(study):
    def draw(slices):
        return boxes(slices, SLICES, (-12.5, 5.5), (3.5, 13.5))  # 12 of 16 columns

    assert "75 % of the ROI lies outside" in study(draw).problems[0]
    assert study(draw, allow_loss=True).counts == [[5 * 4 * 8]]


def test_contours_behind_the_last_slice_are_refused_or_left_out(study):
    def draw(slices):
        return [*boxes(slices, (8, 9)), Contour(corners(slices, 9, off_mm=3.0))]

    assert "slices for only 2 of 3 contours" in study(draw).problems[0]
    outcome = study(draw, allow_loss=True)
    assert outcome.counts == [[2 * BOX]]
    assert "1 contour up to 3.0 mm before the first or behind the last slice" in outcome.notes[0]
