import nibabel
import numpy as np
import pytest
import SimpleITK
from nnunetv2.imageio.nibabel_reader_writer import NibabelIO
from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO

from nnunet_cscn.errors import UserError
from nnunet_cscn.prediction.images import check_images, find_images


def images(folder, *names):
    for name in names:
        (folder / name).touch()
    return find_images(folder, file_ending=".nii.gz", n_channels=2)


def test_the_channels_of_process_cases_are_in_order(tmp_path):
    found = images(tmp_path, "b_1_0001.nii.gz", "b_1_0000.nii.gz", "a_0000.nii.gz", "a_0001.nii.gz", "notes.txt")
    assert {case: [file.name for file in files] for case, files in found.items()} == {
        "a": ["a_0000.nii.gz", "a_0001.nii.gz"],
        "b_1": ["b_1_0000.nii.gz", "b_1_0001.nii.gz"],
    }


def test_one_file_may_hold_all_channels(tmp_path):
    for shape, vector, name in (((2, 3, 4, 5), False, "a_0000.nii.gz"), ((3, 4, 5, 2), True, "b_0000.nii.gz")):
        image = SimpleITK.GetImageFromArray(np.zeros(shape, dtype=np.float32), isVector=vector)
        SimpleITK.WriteImage(image, str(tmp_path / name))
    assert list(images(tmp_path)) == ["a", "b"]


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["a_0000.nii.gz", "b_0000.nii.gz", "b_0001.nii.gz"], r"other channels than the model .* in 1 of 2 cases: a$"),
        (["a_0000.nii.gz", "a_0001.nii.gz", "a_0002.nii.gz"], r"other channels than the model .* in 1 of 1 case:"),
        (["a.nii.gz", "a_0000.nii"], r"contains no images with nnU-Net file names, such as case_0000\.nii\.gz"),
        ([], "contains no images"),
    ],
)
def test_other_folders_are_refused(tmp_path, names, sentence):
    with pytest.raises(UserError, match=sentence):
        images(tmp_path, *names)


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"^images: .*absent"):
        images(tmp_path / "absent")


def test_torn_files_are_listed_all_at_once(tmp_path, write_volume):
    whole, short, torn = (write_volume(tmp_path / f"{name}_0000.nii.gz", np.ones((4, 5, 6))) for name in "abc")
    check_images({"a": [whole]})
    short.write_bytes(short.read_bytes()[:-9])
    torn.write_bytes(b"not NIfTI")
    with pytest.raises(UserError) as refusal:
        check_images({"a": [whole], "b": [short], "c": [torn]})
    first, *lines = str(refusal.value).splitlines()
    assert first.startswith("2 of 3 cases cannot be read")
    assert lines[0].strip() == f"{short}: the file is truncated"
    assert lines[1].strip().startswith(f"{torn}: the file is not NIfTI")


def test_files_of_other_formats_are_skipped_without_a_reader(tmp_path):
    (tmp_path / "a_0000.png").write_bytes(b"a picture")
    assert check_images({"a": [tmp_path / "a_0000.png"]}) == {}


def test_files_of_other_formats_are_read_as_nnunet_does(tmp_path):
    voxels = np.ones((2, 3, 4), np.float32)
    voxels[0, 0] = np.nan
    good, bad, torn = (tmp_path / f"{name}_0000.nrrd" for name in "abc")
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(np.ones((2, 3, 4))), str(good))
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(voxels), str(bad))
    torn.write_bytes(b"no image")
    read = SimpleITKIO().read_images
    assert check_images({"a": [good], "b": [bad]}, read=read) == {"b": {bad: 4}}
    with pytest.raises(UserError, match=r"c_0000\.nrrd: the file cannot be read"):
        check_images({"c": [torn]}, read=read)


@pytest.mark.parametrize(("value", "count"), [(np.nan, 3), (np.inf, 3), (-np.inf, 3), (7, 0)])
def test_voxels_that_are_no_finite_numbers_are_counted(tmp_path, write_volume, value, count):
    voxels = np.ones((4, 5, 6), np.float32)
    voxels[0, 0, :3] = value
    file = write_volume(tmp_path / "a_0000.nii.gz", voxels)
    assert check_images({"a": [file]}) == ({"a": {file: count}} if count else {})


def test_sheared_images_that_the_models_reader_cannot_read_are_named(tmp_path):
    affine = np.diag([1.0, 1.0, 3.0, 1.0])
    affine[0, 1] = 2e-4
    file = tmp_path / "a_0000.nii.gz"
    nibabel.save(nibabel.Nifti1Image(np.ones((4, 5, 6), np.float32), affine), file)
    with pytest.raises(UserError, match=rf"{file}: .*not perpendicular.*NibabelIO"):
        check_images({"a": [file]}, read=SimpleITKIO().read_images)
    assert check_images({"a": [file]}, read=NibabelIO().read_images) == {}
