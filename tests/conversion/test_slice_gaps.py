import numpy as np
import pytest

from nnunet_cscn.conversion.slice_gaps import empty_slices, filled_by_shape, slice_list

SPACING = (2.0, 0.5)  # of rows and columns


def disc(radius_mm, shape=(40, 160)):
    """Pixels whose centres are inside a circle around the middle."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return ((rows - 20) * 2.0) ** 2 + ((columns - 80) * 0.5) ** 2 <= radius_mm**2


def test_a_mask_without_slices_between_has_no_gap():
    mask = np.zeros((5, 4, 4), bool)
    assert empty_slices(mask) == ([], 0)
    mask[2] = True
    assert empty_slices(mask) == ([], 0)
    mask[3] = True
    assert empty_slices(mask) == ([], 0)


def test_long_lists_of_slices_are_cut():
    assert slice_list(list(range(10))).endswith("7 and 2 more")


def test_between_two_circles_lie_circles_of_radii_between():
    """The signed distance of a circle of radius r is r - d: the mean of two is that of the mean radius."""
    mask = np.zeros((4, 40, 160), bool)
    mask[0], mask[3] = disc(12.0), disc(24.0)
    filled, numbers = filled_by_shape(mask, SPACING)
    assert numbers == [1, 2]
    for index, radius in ((1, 16.0), (2, 20.0)):
        expected = np.pi * radius**2 / (2.0 * 0.5)
        assert filled[index].sum() == pytest.approx(expected, rel=0.03)
        assert (disc(radius - 1.5) <= filled[index]).all()
        assert (filled[index] <= disc(radius + 1.5)).all()
    assert (filled[[0, 3]] == mask[[0, 3]]).all()


def test_shapes_apart_are_not_joined():
    mask = np.zeros((3, 40, 160), bool)
    mask[0, :10], mask[2, 20:] = True, True
    filled, numbers = filled_by_shape(mask, SPACING)
    assert numbers == []
    assert (filled == mask).all()
