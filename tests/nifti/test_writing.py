import numpy as np
import pytest
import SimpleITK

from nnunet_cscn.nifti import writing
from nnunet_cscn.nifti.grids import grid_differences, read_grid


def test_voxels_and_geometry_come_back(tmp_path, write_volume):
    grid = read_grid(write_volume(tmp_path / "oblique.nii.gz", np.zeros((2, 3, 4), np.uint8)))
    voxels = np.arange(24, dtype=np.uint16).reshape(2, 3, 4)
    writing.write_volume(tmp_path / "new" / "copy.nii.gz", voxels, grid)
    assert grid_differences(read_grid(tmp_path / "new" / "copy.nii.gz"), grid, "the other", tolerance=1e-6) == []
    read = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(tmp_path / "new" / "copy.nii.gz")))
    assert (read == voxels).all()
    assert read.dtype == np.uint16


def test_another_shape_is_refused(tmp_path, write_volume):
    grid = read_grid(write_volume(tmp_path / "a.nii.gz", np.zeros((2, 3, 4), np.uint8)))
    with pytest.raises(ValueError, match=r"expected the grid's shape \(2, 3, 4\), got \(4, 3, 2\)"):
        writing.write_volume(tmp_path / "b.nii.gz", np.zeros((4, 3, 2), np.uint8), grid)
