import numpy as np
import pytest
import SimpleITK

from nnunet_cscn.errors import UserError
from nnunet_cscn.prediction.images import check_images, find_images


def images(folder, *names):
    for name in names:
        (folder / name).touch()
    return find_images(folder, file_ending=".nii.gz", n_channels=2)


def test_the_channels_of_each_case_are_in_order(tmp_path):
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
        (["a_0000.nii.gz", "b_0000.nii.gz", "b_0001.nii.gz"], r"1 of 2 cases in .* do not have exactly .*: a$"),
        (["a_0000.nii.gz", "a_0001.nii.gz", "a_0002.nii.gz"], r"1 of 1 cases in .* do not have exactly"),
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


def test_files_of_other_formats_are_left_to_nnunet(tmp_path):
    (tmp_path / "a_0000.png").write_bytes(b"a picture")
    check_images({"a": [tmp_path / "a_0000.png"]})
