import numpy as np
import pytest

from nnunet_cscn.dicom.keyholes import _signed_area, join_holes
from nnunet_cscn.dicom.outlines import trace_outlines
from nnunet_cscn.dicom.polygons import fill_polygon


def filled(contours, shape):
    mask = np.zeros(shape, bool)
    for contour in contours:
        inside = fill_polygon(contour, shape)
        assert not (mask & inside).any()  # they lie side by side
        mask |= inside
    return mask


@pytest.mark.parametrize("seed", range(9))
def test_pixels_and_area_come_back_without_any_inner_contour(seed):
    random = np.random.default_rng(seed)
    mask = random.random((14, 17)) < (0.4, 0.6, 0.85)[seed % 3]
    contours = join_holes(trace_outlines(mask))
    assert (filled(contours, mask.shape) == mask).all()
    assert sum(map(_signed_area, contours)) == pytest.approx(mask.sum())


def test_a_ring_becomes_one_contour_with_a_channel():
    mask = np.ones((7, 9), bool)
    mask[2:5, 3:6] = False
    (contour,) = join_holes(trace_outlines(mask))
    assert len(contour) == 4 + 4 + 4  # both outlines, and the two ends of the channel twice
    assert (filled([contour], mask.shape) == mask).all()


def test_an_island_in_a_hole_stays_by_itself():
    mask = np.ones((9, 9), bool)
    mask[2:7, 2:7] = False
    mask[4, 4] = True
    contours = join_holes(trace_outlines(mask))
    assert sorted(map(_signed_area, contours)) == pytest.approx([1.0, 81.0 - 25.0])
    assert (filled(contours, mask.shape) == mask).all()


def test_outlines_without_holes_are_left_alone():
    mask = np.eye(4, dtype=bool)
    traced = trace_outlines(mask)
    assert all(np.array_equal(one, other) for one, other in zip(join_holes(traced), traced, strict=True))
