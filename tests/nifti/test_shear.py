import nibabel
import numpy as np
import pytest

from nnunet_cscn.errors import UserError
from nnunet_cscn.nifti.grids import read_grid

STEPS = np.diag([-1.1, -0.8, 3.0, 1.0])  # towards left and back: ITK's directions are those of the axes


def write(file, shear):
    """A file whose y axis leans towards x by an angle whose tangent is `shear`."""
    sheared = STEPS.copy()
    sheared[:3, 3] = (20, -10, 35)
    sheared[0, 1] = 0.8 * shear
    image = nibabel.Nifti1Image(np.zeros((5, 6, 7), np.uint8), sheared)
    image.set_sform(sheared, 1)
    image.set_qform(None, 0)
    nibabel.save(image, file)
    return file


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_a_small_shear_gives_the_nearest_perpendicular_grid_and_a_note(tmp_path, ending):
    grid = read_grid(write(tmp_path / f"a{ending}", 5e-4))
    assert grid.shape == (5, 6, 7)
    assert grid.spacing_mm == pytest.approx((1.1, 0.8, 3.0), abs=1e-6)  # 0.8 / cos(0.029 degrees)
    assert grid.origin_mm == pytest.approx((-20, 10, 35))
    axes = np.reshape(grid.direction, (3, 3))
    assert axes.T @ axes == pytest.approx(np.eye(3), abs=1e-12)
    # the nearest axes share the shear: each turns by half of 5e-4 rad
    assert axes == pytest.approx(np.array([[1, -2.5e-4, 0], [2.5e-4, 1, 0], [0, 0, 1]]), abs=1e-7)
    assert "0.029 degrees" in grid.notes[0]


def test_a_large_shear_is_refused_with_its_angle_and_a_remedy(tmp_path):
    with pytest.raises(UserError, match=r"sheared by 0\.29 degrees.*resample_to_output"):
        read_grid(write(tmp_path / "a.nii.gz", 5e-3))


@pytest.mark.parametrize(("degrees", "is_read"), [(0.095, True), (0.105, False)])
def test_the_limit_is_a_tenth_of_a_degree(tmp_path, degrees, is_read):
    file = write(tmp_path / "a.nii.gz", np.tan(np.radians(degrees)))
    if is_read:
        assert read_grid(file).notes
    else:
        with pytest.raises(UserError, match="sheared"):
            read_grid(file)


def test_perpendicular_axes_need_no_note(tmp_path):
    assert read_grid(write(tmp_path / "a.nii.gz", 0.0)).notes == ()
