import numpy as np
import pytest

from nnunet_cscn.dicom.outlines import trace_outlines
from nnunet_cscn.dicom.polygons import fill_polygon


def signed_area(points):
    x, y = points.T
    return 0.5 * float(x @ np.roll(y, -1) - y @ np.roll(x, -1))


def test_a_pixel_has_four_corners_half_a_pixel_around_its_centre():
    mask = np.zeros((4, 5), bool)
    mask[2, 3] = True
    (outline,) = trace_outlines(mask)
    assert sorted(map(tuple, outline.tolist())) == [(2.5, 1.5), (2.5, 2.5), (3.5, 1.5), (3.5, 2.5)]
    assert signed_area(outline) == 1.0  # clockwise as displayed, rows downwards


@pytest.mark.parametrize("seed", range(6))
def test_area_and_pixels_come_back_exactly(seed):
    random = np.random.default_rng(seed)
    mask = random.random((12, 15)) < (0.2, 0.5, 0.8)[seed % 3]
    traced = trace_outlines(mask)
    assert sum(signed_area(outline) for outline in traced) == mask.sum()
    filled = np.zeros(mask.shape, bool)
    for outline in traced:
        filled ^= fill_polygon(outline, mask.shape)
    assert (filled == mask).all()


def test_only_corners_are_kept():
    mask = np.zeros((10, 10), bool)
    mask[2:8, 3:9] = True
    assert len(trace_outlines(mask)[0]) == 4
    for outline in trace_outlines(np.random.default_rng(0).random((9, 9)) < 0.6):
        steps = np.diff(np.vstack([outline, outline[:1]]), axis=0)
        assert (np.count_nonzero(steps, axis=1) == 1).all()  # along one axis each
        turned = np.sign(steps) * np.sign(np.roll(steps, 1, axis=0))
        assert (turned == 0).all()  # and never twice along the same


def test_holes_run_the_other_way_round():
    mask = np.ones((5, 5), bool)
    mask[2, 2] = False
    assert sorted(signed_area(outline) for outline in trace_outlines(mask)) == [-1.0, 25.0]


def test_pixels_that_touch_at_a_corner_are_apart():
    assert len(trace_outlines(np.eye(3, dtype=bool))) == 3


def test_nothing_has_no_outline():
    assert trace_outlines(np.zeros((3, 3), bool)) == []
