import numpy as np
import pytest
import SimpleITK

from nnunet_cscn.conversion import nifti
from nnunet_cscn.errors import UserError

ZEROS = np.zeros((3, 5, 4), dtype=np.float32)


def test_a_truncated_file_is_told_as_unreadable(tmp_path, write_volume):
    path = write_volume(tmp_path / "a.nii.gz", ZEROS)
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(UserError, match=r"a\.nii\.gz can't be read"):
        nifti.read_volume(path)


def test_a_slice_is_no_volume(tmp_path):
    SimpleITK.WriteImage(SimpleITK.Image(4, 4, SimpleITK.sitkUInt8), str(tmp_path / "a.nii.gz"))
    with pytest.raises(UserError, match=r"expected a 3-D image .*got 2-D"):
        nifti.read_volume(tmp_path / "a.nii.gz")


def test_labels_of_8_bit_integers_are_the_volume_itself():
    volume = SimpleITK.GetImageFromArray(ZEROS.astype(np.uint8))
    assert nifti.as_labels(volume, (0, 1)) is volume


@pytest.mark.parametrize("voxel_type", [np.int8, np.int16, np.uint32, np.float32, np.float64])
def test_whole_numbers_of_any_type_become_8_bit_integers(voxel_type):
    voxels = np.arange(3, dtype=voxel_type).reshape(1, 1, 3)
    labels = nifti.as_labels(SimpleITK.GetImageFromArray(voxels), (0, 1, 2))
    assert labels.GetPixelID() == SimpleITK.sitkUInt8
    assert SimpleITK.GetArrayFromImage(labels).tolist() == [[[0, 1, 2]]]


@pytest.mark.parametrize(("value", "shown"), [(0.5, "0.5"), (2, "2"), (-1, "-1"), (257, "257")])
def test_other_label_values_are_refused_by_name(value, shown):
    volume = SimpleITK.GetImageFromArray(np.array([[[0, 1, value]]], dtype=np.float32))
    with pytest.raises(UserError, match=f"labels hold the values {shown}; expected only 0, 1"):
        nifti.as_labels(volume, (0, 1))


def _volume(size=(4, 5, 3), spacing=(0.5, 0.6, 3.0), origin=(0.0, 0.0, 0.0)):
    volume = SimpleITK.Image(*size, SimpleITK.sitkUInt8)
    volume.SetSpacing(spacing)
    volume.SetOrigin(origin)
    return volume


def test_equal_grids_have_no_difference():
    assert nifti.grid_difference(_volume(), _volume()) is None


def test_rounding_of_headers_is_no_difference():
    assert nifti.grid_difference(_volume(), _volume(origin=(0.001, 0.0, 0.0))) is None


def test_sizes_are_compared():
    assert nifti.grid_difference(_volume(), _volume(size=(4, 5, 2))) == "sizes 4x5x3 and 4x5x2"


def test_a_shifted_origin_is_told_in_mm():
    assert "up to 0.25 mm apart" in nifti.grid_difference(_volume(), _volume(origin=(0.25, 0.0, 0.0)))


def test_another_spacing_moves_the_far_corner():
    assert "up to 2 mm apart" in nifti.grid_difference(_volume(), _volume(spacing=(0.5, 0.6, 4.0)))


def test_a_mirrored_direction_is_a_difference():
    mirrored = _volume()
    mirrored.SetDirection((-1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0))
    assert "up to 3 mm apart" in nifti.grid_difference(_volume(), mirrored)


def test_a_written_volume_is_recognised_and_a_changed_voxel_is_not(tmp_path):
    volume = _volume()
    nifti.write_volume(volume, tmp_path / "a.nii.gz")
    assert nifti.holds_volume(tmp_path / "a.nii.gz", volume)
    volume[1, 1, 1] = 1
    assert not nifti.holds_volume(tmp_path / "a.nii.gz", volume)


def test_a_broken_file_holds_no_volume(tmp_path):
    (tmp_path / "a.nii.gz").write_bytes(b"no NIfTI")
    assert not nifti.holds_volume(tmp_path / "a.nii.gz", _volume())
