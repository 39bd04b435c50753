import numpy as np
import pytest

from nnunet_cscn.dicom.combining import combine
from nnunet_cscn.dicom.polygons import area, area_inside, filled

SHAPE = (20, 30)


def box(left, top, right, bottom):
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], float)


def combined(*boxes):
    target = np.zeros(SHAPE, bool)
    found = combine([filled(each, SHAPE) for each in boxes], target)
    return target, found


def test_a_polygon_beside_the_slice_has_no_pixel():
    assert filled(box(-9, 2, -3, 8), SHAPE).count == 0
    assert filled(box(2, 40, 8, 50), SHAPE).count == 0


@pytest.mark.parametrize("seed", range(6))
def test_the_area_inside_is_that_of_many_small_pixels(seed):
    """A star-shaped polygon that reaches beyond the slice, counted on centres a twentieth of a pixel apart."""
    random = np.random.default_rng(seed)
    angles = np.sort(random.uniform(0, 2 * np.pi, 9))
    radii = random.uniform(6, 20, 9)
    points = np.stack([15 + radii * np.cos(angles), 4 + radii * np.sin(angles)], axis=1)
    fine = filled((points + 0.5) * 20 - 0.5, (SHAPE[0] * 20, SHAPE[1] * 20))
    assert area_inside(points, SHAPE) == pytest.approx(fine.count / 400, rel=0.01)
    assert area(points) >= area_inside(points, SHAPE)


def test_boxes_apart_are_both_kept():
    target, found = combined(box(0.5, 0.5, 4.5, 4.5), box(6.5, 0.5, 9.5, 4.5))
    assert target.sum() == 16 + 12
    assert (found.has_crossing, found.has_holes) == (False, False)


def test_an_island_in_a_hole_in_a_box_is_filled():
    target, found = combined(box(5.5, 5.5, 8.5, 8.5), box(0.5, 0.5, 15.5, 15.5), box(3.5, 3.5, 10.5, 10.5))
    assert target.sum() == 15 * 15 - 7 * 7 + 3 * 3
    assert (found.has_crossing, found.has_holes) == (False, True)


def test_a_hole_in_the_common_part_of_two_crossing_boxes_stays_a_hole():
    target, found = combined(box(0.5, 0.5, 12.5, 12.5), box(4.5, 0.5, 18.5, 12.5), box(6.5, 4.5, 9.5, 7.5))
    assert target.sum() == 18 * 12 - 3 * 3
    assert (found.has_crossing, found.has_holes) == (True, True)


def test_a_box_across_a_hole_fills_its_part_of_it():
    """20 rows x 10 columns less a hole of 4 x 4; the second box covers the hole's right half and reaches outside."""
    target, _ = combined(box(0.5, 0.5, 10.5, 18.5), box(3.5, 7.5, 7.5, 11.5), box(5.5, 5.5, 14.5, 13.5))
    assert target.sum() == 10 * 18 + 4 * 8 - 2 * 4


def test_a_contour_that_was_drawn_twice_a_little_differently_leaves_no_ring():
    target, found = combined(box(0.5, 0.5, 12.5, 12.5), box(1.5, 1.5, 13.5, 12.5))
    assert target.sum() == 12 * 12 + 11
    assert found.has_crossing


def test_equal_contours_are_one():
    target, _ = combined(box(0.5, 0.5, 4.5, 4.5), box(0.6, 0.6, 4.6, 4.6))
    assert target.sum() == 16


def test_a_hole_may_stick_out_by_what_rounding_does():
    """One of 100 pixels of the hole lies outside of the box around it; it is filled, as by the even-odd rule."""
    hole = np.array(
        [(4.5, 4.5), (14.5, 4.5), (14.5, 8.5), (15.5, 8.5), (15.5, 9.5), (14.5, 9.5), (14.5, 14.5), (4.5, 14.5)]
    )
    target, found = combined(box(0.5, 0.5, 14.5, 18.5), hole)
    assert target.sum() == 14 * 18 - 100 + 1
    assert (found.has_crossing, found.has_holes) == (False, True)
