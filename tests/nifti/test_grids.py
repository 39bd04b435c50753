from dataclasses import replace

import numpy as np
import pytest
import SimpleITK

from nnunet_cscn.errors import UserError
from nnunet_cscn.nifti.grids import Grid, grid_differences, read_grid

IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
GRID = Grid((4, 5, 6), (1.0, 1.0, 3.0), (10.0, -20.0, 30.0), IDENTITY)


def test_the_grid_of_a_file_is_the_one_it_was_written_with(tmp_path, write_volume):
    grid = read_grid(write_volume(tmp_path / "a.nii.gz", np.zeros((6, 5, 4), dtype=np.uint8)))
    assert grid.shape == (4, 5, 6)
    assert grid.spacing_mm == pytest.approx((0.5, 0.6, 3.0), abs=1e-6)
    assert grid.origin_mm == pytest.approx((10, -20, 30), abs=1e-5)
    assert grid.direction == pytest.approx((0.8, -0.6, 0, 0.6, 0.8, 0, 0, 0, 1), abs=1e-6)


def test_equal_grids_have_no_difference():
    assert grid_differences(GRID, GRID, "the image") == []


@pytest.mark.parametrize(
    ("change", "phrase"),
    [
        ({"shape": (4, 5, 7)}, "shape (4, 5, 7), the reference has (4, 5, 6)"),
        ({"spacing_mm": (1.0, 1.0, 3.1)}, "spacing (1, 1, 3.1) mm, the reference has (1, 1, 3) mm"),
        ({"origin_mm": (10.0, -20.0, 30.01)}, "origin (10, -20, 30.01) mm, the reference has (10, -20, 30) mm"),
        ({"direction": (-1.0, *IDENTITY[1:])}, "direction (-1, 0, 0, 0, 1, 0, 0, 0, 1), the reference has (1, "),
    ],
)
def test_each_difference_is_named(change, phrase):
    (difference,) = grid_differences(replace(GRID, **change), GRID, "the reference")
    assert difference.startswith(phrase)


def test_several_differences_are_all_named():
    other = replace(GRID, spacing_mm=(1.0, 1.0, 2.0), origin_mm=(0.0, 0.0, 0.0))
    assert [difference.split()[0] for difference in grid_differences(other, GRID, "the image")] == ["spacing", "origin"]


def test_rounding_is_tolerated():
    rounded = replace(GRID, spacing_mm=(1.0, 1.0005, 3.0), origin_mm=(10.0, -20.0, 30.0005))
    assert grid_differences(rounded, GRID, "the image") == []
    assert len(grid_differences(rounded, GRID, "the image", tolerance=1e-4)) == 2


def test_four_dimensions_are_refused(tmp_path):
    path = tmp_path / "a.nii.gz"
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(np.zeros((2, 3, 4, 5), np.uint8), isVector=False), str(path))
    with pytest.raises(UserError, match="expected 3 dimensions, the file has 4"):
        read_grid(path)


def test_a_flat_image_is_one_slice(tmp_path):
    path = tmp_path / "a.nii.gz"
    image = SimpleITK.GetImageFromArray(np.zeros((3, 4), dtype=np.uint8))
    image.SetSpacing((0.5, 2.0))
    SimpleITK.WriteImage(image, str(path))
    grid = read_grid(path)
    assert (grid.shape, grid.spacing_mm, grid.is_flat) == ((4, 3, 1), (0.5, 2.0, 1.0), True)


def test_origins_may_differ_by_a_hundredth_of_a_millimetre():
    assert grid_differences(replace(GRID, origin_mm=(10.009, -20.009, 30.009)), GRID, "the image") == []
    assert len(grid_differences(replace(GRID, origin_mm=(10.011, -20.0, 30.0)), GRID, "the image")) == 1


def test_small_differences_that_add_up_to_more_than_half_a_voxel_are_told():
    long = replace(GRID, shape=(4, 5, 2000))  # 2,000 slices, each 0.0009 mm too thick, are 1.8 mm of 3 mm
    (phrase,) = grid_differences(replace(long, spacing_mm=(1.0, 1.0, 3.0009)), long, "the image")
    assert "0.6 voxels" in phrase
    short = replace(GRID, shape=(4, 5, 1000))  # 0.9 mm, or 0.3 voxels
    assert grid_differences(replace(short, spacing_mm=(1.0, 1.0, 3.0009)), short, "the image") == []


def test_several_values_a_voxel_are_refused(tmp_path):
    path = tmp_path / "a.nii.gz"
    image = SimpleITK.GetImageFromArray(np.zeros((2, 3, 4, 3), dtype=np.uint8), isVector=True)
    SimpleITK.WriteImage(image, str(path))
    with pytest.raises(UserError, match="expected one value per voxel, the file has 3"):
        read_grid(path)


@pytest.mark.parametrize("content", [b"", b"no image at all" * 50])
def test_a_file_that_is_no_image_is_refused_in_one_line(tmp_path, content):
    path = tmp_path / "a.nii.gz"
    path.write_bytes(content)
    with pytest.raises(UserError, match="the file cannot be read") as refusal:
        read_grid(path)
    assert "\n" not in str(refusal.value)
    assert ".cxx" not in str(refusal.value)


@pytest.mark.parametrize(("place", "value"), [(280, np.inf), (304, np.nan), (80, np.inf)])
def test_a_geometry_that_is_not_finite_is_refused_before_itk_sees_it(tmp_path, write_volume, place, value):
    """ITK would never return."""
    path = write_volume(tmp_path / "a.nii", np.ones((3, 4, 5), np.uint8))
    content = bytearray(path.read_bytes())
    content[place : place + 4] = np.float32(value).tobytes()
    path.write_bytes(content)
    with pytest.raises(UserError, match="header is damaged"):
        read_grid(path)
