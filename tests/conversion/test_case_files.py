import numpy as np
import pytest
import SimpleITK

from nnunet_cscn.conversion.case_files import check_image, holds_labels, read_labels, write_labels
from nnunet_cscn.errors import UserError

ZEROS = np.zeros((3, 5, 4), dtype=np.float32)


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_a_truncated_image_is_refused(tmp_path, write_volume, ending):
    path = write_volume(tmp_path / f"a{ending}", np.random.default_rng(0).normal(size=(3, 5, 4)))
    assert check_image(path).shape == (4, 5, 3)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(UserError, match=r"truncated|can't be read"):
        check_image(path)


def test_a_slice_is_no_volume(tmp_path):
    SimpleITK.WriteImage(SimpleITK.Image(4, 4, SimpleITK.sitkUInt8), str(tmp_path / "a.nii.gz"))
    with pytest.raises(UserError, match=r"3 dimensions are expected, the file has 2"):
        check_image(tmp_path / "a.nii.gz")


@pytest.mark.parametrize("voxel_type", [np.int8, np.int16, np.uint32, np.float32, np.float64])
def test_whole_numbers_of_any_type_become_8_bit_integers_on_the_same_grid(tmp_path, write_volume, voxel_type):
    voxels = np.arange(3, dtype=voxel_type).reshape(1, 1, 3)
    source = write_volume(tmp_path / "a.nii.gz", voxels)
    write_labels(read_labels(source, (0, 1, 2)), tmp_path / "b.nii.gz")
    written, given = (SimpleITK.ReadImage(str(path)) for path in (tmp_path / "b.nii.gz", source))
    assert written.GetPixelID() == SimpleITK.sitkUInt8
    assert SimpleITK.GetArrayFromImage(written).tolist() == [[[0, 1, 2]]]
    assert written.GetDirection() == pytest.approx(given.GetDirection(), abs=1e-6)
    assert written.GetOrigin() == pytest.approx(given.GetOrigin(), abs=1e-5)


@pytest.mark.parametrize(
    ("value", "shown"), [(0.5, "0.5"), (2, "2"), (-1, "-1"), (257, "257"), (float("nan"), "nan"), (float("inf"), "inf")]
)
def test_other_label_values_are_refused_by_name(tmp_path, write_volume, value, shown):
    path = write_volume(tmp_path / "a.nii.gz", np.array([[[0, 1, value]]], dtype=np.float32))
    with pytest.raises(UserError, match=f"labels hold the values {shown}; expected only 0, 1"):
        read_labels(path, (0, 1))


def test_written_labels_are_recognised_and_a_changed_voxel_or_origin_is_not(tmp_path, write_volume):
    labels = read_labels(write_volume(tmp_path / "a.nii.gz", ZEROS), (0, 1))
    target = tmp_path / "b.nii.gz"
    assert not holds_labels(target, labels)
    write_labels(labels, target)
    assert holds_labels(target, labels)
    written = SimpleITK.ReadImage(str(target))
    for change in (lambda volume: volume.SetOrigin((0, 0, 0)), lambda volume: volume.SetPixel(1, 1, 1, 1)):
        changed = SimpleITK.Image(written)
        change(changed)
        SimpleITK.WriteImage(changed, str(target))
        assert not holds_labels(target, labels)


def test_a_broken_file_holds_no_labels(tmp_path, write_volume):
    labels = read_labels(write_volume(tmp_path / "a.nii.gz", ZEROS), (0, 1))
    (tmp_path / "b.nii.gz").write_bytes(b"no NIfTI")
    assert not holds_labels(tmp_path / "b.nii.gz", labels)
