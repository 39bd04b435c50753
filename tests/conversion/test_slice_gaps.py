import numpy as np
import pytest

from nnunet_cscn.conversion.slice_gaps import empty_slices, filled_by_shape, slice_list
from nnunet_cscn.dicom.headers import read_headers
from nnunet_cscn.dicom.matching import series_of
from nnunet_cscn.dicom.rasterise import rasterise
from nnunet_cscn.dicom.series import image_series
from nnunet_cscn.dicom.structures import read_structures

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


@pytest.mark.data
def test_every_second_contour_of_a_real_tumour_is_enough(shared_data):
    """The whole tumour has 364.8 ml, as published; without every second plane it is half of that."""
    folder = shared_data / "sts_raw_dicom" / "MR_T1"
    series, _ = image_series(read_headers(folder))
    structures = read_structures(folder / "mask" / "1-1.dcm")
    stack = series_of(structures, series).series.stack
    planes = sorted(structures.contours["GTV_Mass"], key=lambda points: float(stack.heights_mm(points).mean()))
    voxel_ml = np.prod(stack.grid().spacing_mm) / 1000
    mask = rasterise(planes[::2], stack)
    assert mask.sum() * voxel_ml < 200
    filled, _ = filled_by_shape(mask, stack.pixel_spacing_mm)
    assert filled.sum() * voxel_ml == pytest.approx(364.8, rel=0.03)
