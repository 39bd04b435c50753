import pytest

from nnunet_cscn.errors import UserError
from nnunet_cscn.formats.endings import files_by_case


def touch(folder, *names):
    for name in names:
        (folder / name).touch()
    return folder


def test_pictures_beside_nifti_files_are_no_cases(tmp_path):
    assert list(files_by_case(touch(tmp_path, "a.nii.gz", "b.png", "a.png"))) == ["a"]


@pytest.mark.parametrize(
    ("names", "cases"),
    [
        (("a.nrrd", "b.mha", "c.png"), ["a", "b"]),
        (("a.tif", "a.json", "b.TIFF", "c.png"), ["a", "b"]),
        (("a.png", "b.bmp", "dataset.json"), ["a", "b"]),
    ],
)
def test_other_formats_are_found_where_there_is_no_nifti_file(tmp_path, names, cases):
    assert list(files_by_case(touch(tmp_path, *names))) == cases


def test_a_stated_ending_is_the_only_one(tmp_path):
    touch(tmp_path, "a.nii.gz", "a.png", "b.png")
    assert list(files_by_case(tmp_path, endings=(".png",))) == ["a", "b"]
    with pytest.raises(UserError, match=r"no \*\.mha files"):
        files_by_case(tmp_path, endings=(".mha",))
