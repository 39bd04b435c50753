import numpy as np
import pytest

from dicom_files import AXIAL, CORONAL, SAGITTAL, oblique
from nnunet_cscn.dicom.stack import Stack, checked_directions
from nnunet_cscn.errors import UserError


def stack(orientation=AXIAL, positions_mm=(0.0, 3.0, 6.0)):
    along, down = checked_directions(orientation)
    origin = np.array([10.0, -20.0, 30.0])
    start = float(np.cross(along, down) @ origin)
    positions = tuple(start + np.array(positions_mm))
    return Stack((len(positions), 4, 5), tuple(origin), tuple(along), tuple(down), (0.8, 1.1), positions)


@pytest.mark.parametrize("orientation", [AXIAL, CORONAL, SAGITTAL, oblique()])
def test_pixels_and_points_are_each_others_inverse(orientation):
    slices = stack(orientation)
    points = slices.points_mm([0, 2.5, 4], [0, 1, 3.25], 2)
    assert np.allclose(slices.pixel_coordinates(points), [[0, 0], [2.5, 1], [4, 3.25]])
    assert np.allclose(slices.heights_mm(points), slices.positions_mm[2])


def test_along_a_row_the_step_is_the_second_pixel_spacing():
    slices = stack()
    places = ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1))  # column, row, slice
    first, beside, below, above = (slices.points_mm([c], [r], index)[0] for c, r, index in places)
    assert np.allclose(first, [10, -20, 30])
    assert np.allclose(beside - first, [1.1, 0, 0])
    assert np.allclose(below - first, [0, 0.8, 0])
    assert np.allclose(above - first, [0, 0, 3])


@pytest.mark.parametrize("orientation", [AXIAL, CORONAL, SAGITTAL, oblique()])
def test_the_grid_puts_voxels_where_the_pixels_are(orientation):
    slices = stack(orientation)
    grid = slices.grid()
    matrix = np.reshape(grid.direction, (3, 3))
    index = np.array([4, 2, 1])  # column, row, slice
    place = np.asarray(grid.origin_mm) + matrix @ (index * grid.spacing_mm)
    assert np.allclose(place, slices.points_mm([4], [2], 1)[0])
    assert grid.shape == (5, 4, 3)
    assert np.linalg.det(matrix) == pytest.approx(1.0)


def test_missing_slices_are_counted():
    (gap,) = stack(positions_mm=(0, 3, 6, 15, 18)).gaps()
    assert gap == "2 slices are missing between 36 and 45 mm (slices are 3 mm apart)"
    with pytest.raises(UserError, match="2 slices are missing"):
        stack(positions_mm=(0, 3, 6, 15, 18)).grid()


def test_uneven_slices_are_told():
    (gap,) = stack(positions_mm=(0, 3, 6, 9, 13, 16)).gaps()
    assert gap.startswith("uneven slices between 39 and 43 mm")


def test_rounding_of_positions_is_no_gap():
    assert stack(positions_mm=(0, 3.004, 6.001, 9.0, 12.003)).gaps() == []
    assert stack(positions_mm=(0,)).gaps() == []


@pytest.mark.parametrize("cosines", [(1, 0, 0, 1, 0, 0), (1, 0, 0), (0, 0, 0, 0, 1, 0), (1, 0, 0, 0, float("nan"), 0)])
def test_other_than_two_perpendicular_directions_are_refused(cosines):
    with pytest.raises(UserError, match="ImageOrientationPatient"):
        checked_directions(cosines)
