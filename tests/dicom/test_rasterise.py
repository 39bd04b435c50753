import numpy as np
import pytest
import SimpleITK

from nnunet_cscn.dicom.headers import read_headers
from nnunet_cscn.dicom.matching import series_of
from nnunet_cscn.dicom.polygons import fill_polygon
from nnunet_cscn.dicom.rasterise import rasterise
from nnunet_cscn.dicom.series import image_series
from nnunet_cscn.dicom.stack import Stack
from nnunet_cscn.dicom.structures import read_structures
from nnunet_cscn.errors import UserError

STACK = Stack((3, 20, 30), (0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (2.0, 0.5), (0.0, 4.0, 8.0))


def by_hand(points, shape):
    """Even-odd by a ray from every centre to the right."""
    inside = np.zeros(shape, bool)
    for row in range(shape[0]):
        for column in range(shape[1]):
            for (x0, y0), (x1, y1) in zip(points, np.roll(points, -1, axis=0), strict=True):
                if (y0 > row) != (y1 > row) and column < x0 + (row - y0) * (x1 - x0) / (y1 - y0):
                    inside[row, column] ^= True
    return inside


@pytest.mark.parametrize("seed", range(8))
def test_polygons_are_filled_as_by_hand(seed):
    random = np.random.default_rng(seed)
    points = random.uniform((-4, -4), (34, 24), size=(random.integers(3, 12), 2))  # crosses itself and the border
    assert (fill_polygon(points, (20, 30)) == by_hand(points, (20, 30))).all()


def test_polygons_that_share_an_edge_share_no_pixel_and_leave_none_out():
    left = np.array([[2, 2], [9, 2], [9, 12], [2, 12]], float)
    right = np.array([[9, 2], [17, 2], [17, 12], [9, 12]], float)
    both = fill_polygon(left, (20, 20)).astype(int) + fill_polygon(right, (20, 20))
    assert both.max() == 1
    assert both.sum() == 15 * 10


def square(low, high, height_mm):
    """Corners in mm on STACK, given in (column, row)."""
    corners = [(low[0], low[1]), (high[0], low[1]), (high[0], high[1]), (low[0], high[1])]
    return np.array([[x * 0.5, y * 2.0, height_mm] for x, y in corners])


def test_contours_come_to_their_slice_and_inner_ones_are_holes():
    outer, inner = square((2.5, 2.5), (20.5, 15.5), 4.0), square((5.5, 5.5), (9.5, 8.5), 4.0)
    mask = rasterise([outer, inner], STACK)
    assert mask[0].sum() == mask[2].sum() == 0
    assert mask[1].sum() == 18 * 13 - 4 * 3
    assert not mask[1, 6:9, 6:10].any()


def test_a_keyhole_is_a_hole_too():
    outer = [(2.5, 2.5), (20.5, 2.5), (20.5, 15.5), (2.5, 15.5)]
    keyhole = np.array([*outer, (2.5, 5.7), (5.5, 5.7), (5.5, 8.5), (9.5, 8.5), (9.5, 5.5), (2.5, 5.5)])
    mask = rasterise([np.column_stack([keyhole[:, 0] * 0.5, keyhole[:, 1] * 2.0, np.full(len(keyhole), 4.0)])], STACK)
    assert mask[1].sum() == 18 * 13 - 4 * 3  # rows 6 to 8 and columns 6 to 9 are the hole


def test_a_contour_far_from_every_slice_is_refused():
    with pytest.raises(UserError, match=r"3\.0 mm from the nearest slice"):
        rasterise([square((2, 2), (9, 9), 11.0)], STACK)


def test_a_contour_across_the_slices_is_refused():
    tilted = square((2, 2), (9, 9), 4.0)
    tilted[:, 2] += [0, 0, 6, 6]
    with pytest.raises(UserError, match="not parallel to the slices"):
        rasterise([tilted], STACK)


def test_a_line_or_a_point_fills_nothing():
    assert not rasterise([np.array([[1.0, 1.0, 4.0]]), np.array([[1.0, 1.0, 4.0], [5.0, 5.0, 4.0]])], STACK).any()


@pytest.mark.data
@pytest.mark.parametrize("case", ["STS_002", "STS_008", "STS_019", "STS_024", "STS_042"])
def test_real_structure_sets_with_stale_references_give_the_published_masks(shared_data, case):
    folder = shared_data / "sts_mr_dicom" / case / "MR_T1"
    series, problems = image_series(read_headers(folder))
    assert problems == {}
    structures = read_structures(next((folder / "mask").iterdir()))
    chosen = series_of(structures, series).series
    assert not structures.references.instances & set(chosen.instances)  # stale
    mask = rasterise(structures.contours["GTV_Mass_MR_T1"], chosen.stack)
    truth = SimpleITK.ReadImage(str(shared_data / "sts_mr" / "labels" / f"{case}.nii.gz"))
    grid = chosen.stack.grid()
    image = SimpleITK.GetImageFromArray(mask.astype(np.uint8))
    image.SetSpacing(grid.spacing_mm)
    image.SetOrigin(grid.origin_mm)
    image.SetDirection(grid.direction)
    aligned = SimpleITK.Resample(image, truth, SimpleITK.Transform(), SimpleITK.sitkNearestNeighbor)
    expected, found = (SimpleITK.GetArrayFromImage(each) > 0 for each in (truth, aligned))
    assert found.sum() == mask.sum()
    assert (found == expected).all()  # Dice 1.0


@pytest.mark.data
@pytest.mark.parametrize(("sequence", "volume_ml"), [("MR_T1", 364.8), ("MR_T2", 364.9)])
def test_the_volume_on_a_raw_oblique_series_is_the_published_one(shared_data, sequence, volume_ml):
    folder = shared_data / "sts_raw_dicom" / sequence
    series, _ = image_series(read_headers(folder))
    structures = read_structures(folder / "mask" / "1-1.dcm")
    stack = series_of(structures, series).series.stack
    mask = rasterise(structures.contours["GTV_Mass"], stack)
    grid = stack.grid()
    assert mask.sum() * np.prod(grid.spacing_mm) / 1000 == pytest.approx(volume_ml, abs=0.2)
