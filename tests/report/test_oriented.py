import numpy as np
import pytest
import SimpleITK

from nnunet_cscn.errors import UserError
from nnunet_cscn.nifti.grids import read_grid
from nnunet_cscn.report.oriented import VIEWS, grey_range, largest_slices, read_oriented, view_axes, view_slice


def rotated(direction, degrees):
    """A direction matrix rotated about the z axis."""
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]]) @ direction


@pytest.mark.parametrize("stored_as", ["LPS", "RAS", "RAI", "PIR", "ASL", "SAL"])
@pytest.mark.parametrize("degrees", [0, 20])
def test_the_right_anterior_superior_corner_is_at_the_upper_left_of_every_view(tmp_path, stored_as, degrees):
    # The image as it should be seen, in LPS: index 0 of z, y, x is inferior, anterior, right.
    voxels = np.zeros((4, 6, 8), np.float32)
    voxels[-1, 0, 0] = 1
    image = SimpleITK.GetImageFromArray(voxels)
    image.SetSpacing((0.5, 0.7, 3.0))
    image = SimpleITK.DICOMOrient(image, stored_as)
    image.SetDirection(rotated(np.reshape(image.GetDirection(), (3, 3)), degrees).flatten().tolist())
    SimpleITK.WriteImage(image, str(tmp_path / "image.nii.gz"))
    read = read_oriented(tmp_path / "image.nii.gz")
    assert read.voxels.shape == (4, 6, 8)
    assert read.spacing_mm == pytest.approx((3.0, 0.7, 0.5))
    corner = (3, 0, 0)
    for normal, view in enumerate(VIEWS):
        cut = view_slice(read.voxels, normal, corner[normal])
        assert cut[0, 0] == 1, view  # the patient's right or front on the left, head or front up
        assert cut.sum() == 1, view


def test_a_truncated_file_is_refused(tmp_path, write_volume):
    file = write_volume(tmp_path / "image.nii", np.zeros((4, 5, 6), np.float32))
    file.write_bytes(file.read_bytes()[:-8])
    with pytest.raises(UserError, match="truncated"):
        read_oriented(file)


def test_slope_and_intercept_of_the_header_are_applied(tmp_path, write_volume):
    voxels = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    file = write_volume(tmp_path / "image.nii", voxels)
    content = bytearray(file.read_bytes())
    content[112:120] = np.array([0.5, 3.0], "<f4").tobytes()  # slope and intercept of the header
    file.write_bytes(content)
    assert sorted(read_oriented(file).voxels.flat) == sorted((voxels / 2 + 3).flat)


def test_rows_and_columns_of_the_sagittal_view_are_z_and_y():
    assert view_axes((3.0, 0.7, 0.5), normal=2) == (3.0, 0.7)


def test_the_centre_of_a_block_is_its_middle():
    mask = np.zeros((5, 9, 7), bool)
    mask[1:4, 2:7, 5] = True
    assert largest_slices(mask) == (2, 4, 5)


def test_every_view_through_the_centre_of_two_lesions_shows_one():
    mask = np.zeros((20, 40, 40), bool)
    mask[2:6, 4:10, 4:10] = mask[14:18, 30:36, 28:34] = True
    assert all(view_slice(mask, normal, index).any() for normal, index in enumerate(largest_slices(mask)))


def test_without_a_mask_the_centre_is_the_middle():
    assert largest_slices(np.zeros((5, 9, 7), bool)) == (2, 4, 3)


def test_files_of_one_case_are_turned_alike_although_their_directions_differ_by_rounding(tmp_path):
    def file(degrees):
        image = SimpleITK.GetImageFromArray(np.zeros((3, 5, 7), np.uint8))
        image.SetDirection(rotated(np.eye(3), degrees).flatten().tolist())
        SimpleITK.WriteImage(image, str(tmp_path / f"{degrees}.nii.gz"))
        return tmp_path / f"{degrees}.nii.gz"

    one, other = file(45.001), file(44.999)
    assert read_oriented(one).voxels.shape != read_oriented(other).voxels.shape
    grid = read_grid(one)
    assert read_oriented(one, grid=grid).voxels.shape == read_oriented(other, grid=grid).voxels.shape


def test_the_range_of_greys_is_that_of_the_numbers():
    values = np.arange(1001, dtype=np.float32)
    values[0] = np.nan
    low, high = grey_range(values)
    assert (round(low), round(high)) == (6, 995)  # half a percent of 1 to 1000
    assert grey_range(np.full(3, np.nan)) == (0.0, 1.0)
