import numpy as np
import pytest
import SimpleITK
from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO

from nnunet_cscn.errors import ArgumentError
from nnunet_cscn.prediction.finite import finite_images
from nnunet_cscn.prediction.images import check_images


@pytest.fixture
def cases(tmp_path, write_volume):
    voxels = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    voxels[0, 0, 1], voxels[1, 2, 3] = np.nan, np.inf
    return {
        "a": [
            write_volume(tmp_path / "a_0000.nii.gz", np.ones((2, 3, 4))),
            write_volume(tmp_path / "a_0001.nii.gz", voxels),
        ],
        "b": [write_volume(tmp_path / "b_0000.nii.gz", np.ones((2, 3, 4)))],
    }


def read(file):
    image = SimpleITK.ReadImage(str(file))
    return SimpleITK.GetArrayFromImage(image), image


def test_such_images_are_refused_by_case_file_and_number_of_voxels(cases):
    with pytest.raises(ArgumentError) as refused, finite_images(cases, check_images(cases), None):
        pass
    assert refused.value.argument == "images"
    assert "1 of 2 cases" in refused.value.reason
    assert "a (a_0001.nii.gz: 2 voxels)" in refused.value.reason


def test_images_without_them_are_handed_on(cases):
    del cases["a"]
    with finite_images(cases, {}, None) as files:
        assert files == cases


@pytest.mark.parametrize("value", [0.0, -5.0])
def test_voxels_are_replaced_in_a_copy_on_the_same_grid(cases, value):
    with finite_images(cases, check_images(cases), value) as files:
        assert files["b"] == cases["b"]
        assert files["a"][0] == cases["a"][0]
        (old, before), (new, after) = read(cases["a"][1]), read(files["a"][1])
    expected = old.copy()
    expected[0, 0, 1] = expected[1, 2, 3] = value
    np.testing.assert_array_equal(new, expected)
    for what in ("GetSpacing", "GetOrigin", "GetDirection"):
        np.testing.assert_allclose(getattr(after, what)(), getattr(before, what)(), atol=1e-5)
    assert not files["a"][1].exists()


@pytest.mark.parametrize("ending", [".nii.gz", ".mha"])
@pytest.mark.filterwarnings("error")
def test_values_beyond_32_bits_are_refused_or_replaced(tmp_path, ending):
    file = tmp_path / f"a_0000{ending}"
    voxels = np.ones((2, 3, 4))
    voxels[0, 0, :2] = 1e39, -1e300
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(voxels), str(file))
    cases = {"a": [file]}
    found = check_images(cases, read=SimpleITKIO().read_images)
    assert found == {"a": {file: 2}}
    with (
        pytest.raises(ArgumentError, match=r"beyond the range of float32 .*a_0000.*2 voxels"),
        finite_images(cases, found, None),
    ):
        pass
    with finite_images(cases, found, 7) as files:
        np.testing.assert_array_equal(read(files["a"][0])[0], np.where(voxels == 1, 1, 7))


@pytest.mark.parametrize("value", [np.nan, 1e39])
def test_other_formats_of_itk_are_replaced_too(tmp_path, value):
    file = tmp_path / "a_0000.mha"
    image = SimpleITK.GetImageFromArray(np.full((2, 3, 4), value))
    image.SetSpacing((1.0, 2.0, 3.0))
    SimpleITK.WriteImage(image, str(file))
    with finite_images({"a": [file]}, {"a": {file: 24}}, 1.5) as files:
        voxels, copy = read(files["a"][0])
    assert (voxels == 1.5).all()
    assert copy.GetSpacing() == (1.0, 2.0, 3.0)


def test_a_format_that_cannot_be_written_is_named(tmp_path):
    file = tmp_path / "a_0000.tif"
    with (
        pytest.raises(ArgumentError, match=r"a_0000\.tif") as refused,
        finite_images({"a": [file]}, {"a": {file: 1}}, 0),
    ):
        pass
    assert refused.value.argument == "nan"
