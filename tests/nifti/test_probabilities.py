import nibabel
import numpy as np
import pytest
import SimpleITK

from nnunet_cscn.errors import UserError
from nnunet_cscn.nifti.probabilities import read_levels, set_slope, to_levels


@pytest.fixture
def file(tmp_path):
    """Levels 0, 51, 128 and 255: by hand 0, 0.2, 0.50196 and 1."""
    image = SimpleITK.GetImageFromArray(np.array([[[0, 51], [128, 255]]], dtype=np.uint8))
    image.SetSpacing((0.5, 0.6, 3.0))
    SimpleITK.WriteImage(image, str(tmp_path / "map.nii.gz"), True)
    set_slope(tmp_path / "map.nii.gz")
    return tmp_path / "map.nii.gz"


def test_other_readers_see_probabilities_on_the_same_grid(file):
    expected = np.array([[[0, 0.2], [0.501961, 1]]])
    read = SimpleITK.ReadImage(str(file))
    np.testing.assert_allclose(SimpleITK.GetArrayFromImage(read), expected, atol=1e-6)
    assert read.GetSpacing() == pytest.approx((0.5, 0.6, 3.0))
    seen = nibabel.load(file)
    np.testing.assert_allclose(seen.get_fdata().T, expected, atol=1e-6)
    assert seen.get_data_dtype() == np.uint8


def test_levels_come_back_as_they_were(file):
    assert read_levels(file).ravel().tolist() == [0, 51, 128, 255]


def test_maps_of_floats_are_read_too(tmp_path, write_volume):
    file = write_volume(tmp_path / "map.nii.gz", np.full((2, 3, 4), 0.2, dtype=np.float32))
    assert np.unique(read_levels(file)).tolist() == [51]


@pytest.mark.parametrize("value", [-0.1, 1.5, np.nan])
def test_other_values_are_refused(tmp_path, write_volume, value):
    file = write_volume(tmp_path / "map.nii.gz", np.full((2, 3, 4), value, dtype=np.float32))
    with pytest.raises(UserError, match="from 0 to 1"):
        read_levels(file)


def test_no_probability_is_off_by_more_than_half_a_level():
    values = np.linspace(0, 1, 10_001)
    assert np.abs(to_levels(values) / 255 - values).max() <= 0.5 / 255 + 1e-12
    np.testing.assert_array_equal(to_levels(values) >= 128, values >= 0.5)
