import gzip
import struct
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK

from convert_all import convert_all
from nnunet_cscn.conversion.paired_folders import find_cases, is_paired
from nnunet_cscn.conversion.raw_dataset import DatasetDescription
from nnunet_cscn.errors import UserError
from nnunet_cscn.nifti.voxels import read_voxels

TINY = DatasetDescription(
    number=950,
    name="Tiny",
    title="Made for tests",
    channel_names=("T1",),
    labels=(("background", 0), ("tumour", 1)),
    licence="none",
    reference="none",
)


TWO_CHANNELS = replace(TINY, channel_names=("T1", "FLAIR"))


@pytest.fixture
def convert(paired_source, tmp_path):
    def run(**options):
        return convert_all(find_cases(paired_source, TINY), tmp_path / "raw", {"tumour": 1}, **options)

    return run


@pytest.fixture
def channels_source(tmp_path, write_volume):
    """Six cases `A_1` ... `A_6` of two channels; the first holds the case's number, the second ten times that."""
    source = tmp_path / "channels"
    for number in range(1, 7):
        for channel, factor in enumerate((1, 10)):
            image = np.full((2, 3, 4), number * factor, np.uint8)
            write_volume(source / "images" / f"A_{number}_{channel:04d}.nii.gz", image)
        write_volume(source / "labels" / f"A_{number}.nii.gz", np.ones((2, 3, 4), np.uint8))
    return source


@pytest.fixture
def convert_channels(channels_source, tmp_path):
    def run():
        return convert_all(find_cases(channels_source, TWO_CHANNELS), tmp_path / "raw", {"tumour": 1})

    return run


def _read(file):
    return SimpleITK.ReadImage(str(file))


def _assert_same_volume(file, other):
    """Values, type and geometry to 1e-4 mm."""
    seen, wanted = _read(file), _read(other)
    assert seen.GetPixelID() == wanted.GetPixelID()
    assert np.array_equal(SimpleITK.GetArrayFromImage(seen), SimpleITK.GetArrayFromImage(wanted))
    for corner in ((0, 0, 0), tuple(size - 1 for size in wanted.GetSize())):
        place = [volume.TransformIndexToPhysicalPoint(corner) for volume in (seen, wanted)]
        assert place[0] == pytest.approx(place[1], abs=1e-4)


def _swap_bytes(file):
    """Rewrite a NIfTI-1 file of 16-bit integers with the other byte order, header fields by the format's definition."""
    content = gzip.decompress(file.read_bytes())
    header = struct.unpack("<i10s18sihcc8h3f4h8f3fhcc4f2i80s24s2h6f12f16s4s", content[:348])
    swapped = struct.pack(">i10s18sihcc8h3f4h8f3fhcc4f2i80s24s2h6f12f16s4s", *header)
    voxels = np.frombuffer(content, "<i2", offset=352)
    file.write_bytes(gzip.compress(swapped + content[348:352] + voxels.astype(">i2").tobytes()))
    return voxels


def test_values_types_and_places_arrive_as_they_are(convert, paired_source, tmp_path):
    converted, problems = convert()
    assert (len(converted), problems) == (6, {})
    for name in converted:
        _assert_same_volume(tmp_path / f"raw/imagesTr/{name}_0000.nii.gz", paired_source / f"images/{name}.nii.gz")
        _assert_same_volume(tmp_path / f"raw/labelsTr/{name}.nii.gz", paired_source / f"labels/{name}.nii.gz")


@pytest.mark.parametrize("kind", [np.int8, np.int16, np.uint32, np.float32, np.float64])
def test_labels_of_another_type_become_8_bit(convert, paired_source, tmp_path, write_volume, kind):
    voxels = np.zeros((3, 5, 4), dtype=kind)
    voxels[1, 1:3, 2] = 1
    write_volume(paired_source / "labels" / "case_2.nii.gz", voxels)
    convert()
    target = _read(tmp_path / "raw" / "labelsTr" / "case_2.nii.gz")
    assert target.GetPixelID() == SimpleITK.sitkUInt8
    assert np.array_equal(SimpleITK.GetArrayFromImage(target), voxels)


def test_what_a_header_says_of_the_patient_stays_behind(convert, paired_source, tmp_path):
    image = _read(paired_source / "images" / "case_1.nii.gz")
    image.SetMetaData("descrip", "Doe^John 1950")
    image.SetMetaData("aux_file", "Doe^John")
    SimpleITK.WriteImage(image, str(paired_source / "images" / "case_1.nii.gz"))
    convert()
    written = _read(tmp_path / "raw" / "imagesTr" / "case_1_0000.nii.gz")
    assert not any("Doe" in written.GetMetaData(key) for key in written.GetMetaDataKeys())


def test_a_second_run_changes_nothing(convert, paired_source, tmp_path, write_volume):
    write_volume(paired_source / "labels" / "case_2.nii.gz", np.zeros((3, 5, 4), dtype=np.int32))
    convert()
    times = {file: file.stat().st_mtime_ns for file in (tmp_path / "raw").rglob("*.nii.gz")}
    converted, _ = convert()
    assert not any(case.is_new for case in converted.values())
    assert {file: file.stat().st_mtime_ns for file in (tmp_path / "raw").rglob("*.nii.gz")} == times


def test_files_of_the_other_byte_order_are_converted(convert, paired_source, tmp_path):
    voxels = _swap_bytes(paired_source / "images" / "case_2.nii.gz")
    assert read_voxels(paired_source / "images" / "case_2.nii.gz").dtype == ">i2"
    assert convert()[1] == {}
    assert np.array_equal(read_voxels(tmp_path / "raw" / "imagesTr" / "case_2_0000.nii.gz").ravel(), voxels)


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf, 1e39])
def test_an_image_with_a_value_that_is_no_finite_number_is_refused(convert, paired_source, write_volume, odd):
    voxels = np.ones((3, 5, 4))
    voxels[0, 0, 0] = odd
    write_volume(paired_source / "images" / "case_2.nii.gz", voxels)
    converted, problems = convert()
    assert len(converted) == 5
    assert problems["case_2"].startswith("channel 1: 1 voxel is NaN or infinite")


def test_labels_stored_in_another_order_of_the_axes_are_the_same_labels(convert, paired_source, tmp_path):
    file = paired_source / "labels" / "case_2.nii.gz"
    right = SimpleITK.GetArrayFromImage(_read(file))
    SimpleITK.WriteImage(SimpleITK.Flip(SimpleITK.PermuteAxes(_read(file), (2, 0, 1)), (True, False, True)), str(file))
    assert convert()[1] == {}
    assert np.array_equal(read_voxels(tmp_path / "raw" / "labelsTr" / "case_2.nii.gz"), right)


def test_label_values_near_whole_numbers_are_rounded_and_noted(convert, paired_source, tmp_path, write_volume):
    voxels = np.zeros((3, 5, 4), np.float32)
    voxels[1, 1:3, 2] = 0.9995
    write_volume(paired_source / "labels" / "case_2.nii.gz", voxels)
    converted, _ = convert()
    assert "2 voxels of the label map" in converted["case_2"].notes[0]
    assert read_voxels(tmp_path / "raw" / "labelsTr" / "case_2.nii.gz").sum() == 2


def test_a_missing_file_is_made_again(convert, tmp_path):
    convert()
    (tmp_path / "raw" / "labelsTr" / "case_3.nii.gz").unlink()
    converted, _ = convert()
    assert [name for name, case in converted.items() if case.is_new] == ["case_3"]


def test_files_that_a_bad_case_left_behind_are_told(convert, paired_source):
    convert()
    (paired_source / "labels" / "case_4.nii.gz").unlink()
    _, problems = convert()
    assert problems == {"case_4": "has an image but no labels; its files from an earlier run are still in the data set"}


@pytest.mark.parametrize("changed", ["imagesTr/case_3_0000.nii.gz", "labelsTr/case_3.nii.gz"])
def test_a_file_that_differs_is_replaced_only_on_request(convert, tmp_path, write_volume, changed):
    convert()
    file = tmp_path / "raw" / changed
    right = SimpleITK.GetArrayFromImage(_read(file))
    mine = write_volume(file, np.ones((3, 5, 4), dtype=np.uint8)).read_bytes()
    _, problems = convert()
    assert list(problems) == ["case_3"]
    assert file.name in problems["case_3"]
    assert "overwrite=True" in problems["case_3"]
    assert file.read_bytes() == mine
    convert(overwrite=True)
    assert np.array_equal(SimpleITK.GetArrayFromImage(_read(file)), right)


def test_every_bad_case_has_its_reason_and_the_others_are_there(convert, paired_source, tmp_path, write_volume):
    write_volume(paired_source / "labels" / "case_1.nii.gz", np.full((3, 5, 4), 7, dtype=np.uint8))
    write_volume(paired_source / "labels" / "case_2.nii.gz", np.zeros((3, 5, 5), dtype=np.uint8))
    (paired_source / "images" / "case_3.nii.gz").write_bytes(b"no NIfTI")
    (paired_source / "labels" / "case_4.nii.gz").unlink()
    (paired_source / "images" / "case_5.nii.gz").unlink()
    converted, problems = convert()
    assert list(converted) == ["case_6"]
    assert problems["case_1"] == "the label map contains 7; expected only 0, 1"
    assert "the labels have shape (5, 5, 3), the image has (4, 5, 3)" in problems["case_2"]
    assert "case_3.nii.gz: the file cannot be read" in problems["case_3"]
    assert problems["case_4"] == "has an image but no labels"
    assert problems["case_5"] == "has labels and no image"
    files = sorted(str(file.relative_to(tmp_path / "raw")) for file in (tmp_path / "raw").rglob("*.nii.gz"))
    assert files == ["imagesTr/case_6_0000.nii.gz", "labelsTr/case_6.nii.gz"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.5, "0.5"), (0.998, "0.998"), (2, "2"), (-1, "-1"), (257, "257"), (float("nan"), "nan"), (float("inf"), "inf")],
)
def test_other_label_values_are_refused_by_name(convert, paired_source, write_volume, value, shown):
    voxels = np.zeros((3, 5, 4), np.float32)
    voxels[0, 0, 0] = value
    write_volume(paired_source / "labels" / "case_1.nii.gz", voxels)
    _, problems = convert()
    assert problems["case_1"].startswith(f"the label map contains {shown}")


@pytest.mark.parametrize("part", ["images", "labels"])
def test_truncated_files_are_refused(convert, paired_source, part):
    file = paired_source / part / "case_1.nii.gz"
    file.write_bytes(file.read_bytes()[:-20])
    converted, problems = convert()
    assert list(problems) == ["case_1"]
    assert len(converted) == 5


def test_the_layout_of_the_decathlon_is_read_without_its_hidden_files(convert, paired_source):
    (paired_source / "images").rename(paired_source / "imagesTr")
    (paired_source / "labels").rename(paired_source / "labelsTr")
    (paired_source / "imagesTr" / "._case_1.nii.gz").touch()
    assert len(convert()[0]) == 6


def test_another_layout_is_refused_with_what_was_found(tmp_path):
    (tmp_path / "source" / "scans").mkdir(parents=True)
    with pytest.raises(UserError, match=r"expected a folder with images or imagesTr in it, found scans"):
        find_cases(tmp_path / "source", TINY)
    with pytest.raises(UserError, match="found no folder"):
        find_cases(tmp_path / "absent", TINY)


def test_a_folder_without_images_is_refused(tmp_path):
    for name in ("images", "labels"):
        (tmp_path / "source" / name).mkdir(parents=True)
    with pytest.raises(UserError, match=r"contains no \.nii\.gz files"):
        find_cases(tmp_path / "source", TINY)


def test_channels_are_told_apart_by_nnunets_numbers_where_there_are_several(convert_channels, tmp_path):
    converted, problems = convert_channels()
    assert (list(converted), problems) == ([f"A_{number}" for number in range(1, 7)], {})
    assert (read_voxels(tmp_path / "raw" / "imagesTr" / "A_3_0000.nii.gz") == 3).all()
    assert (read_voxels(tmp_path / "raw" / "imagesTr" / "A_3_0001.nii.gz") == 30).all()
    assert read_voxels(tmp_path / "raw" / "labelsTr" / "A_3.nii.gz").all()


def test_a_name_that_ends_like_a_channel_is_a_name_where_there_is_one_channel(convert, paired_source):
    for part in ("images", "labels"):
        (paired_source / part / "case_1.nii.gz").rename(paired_source / part / "case_0001.nii.gz")
    assert "case_0001" in convert()[0]


def test_a_case_whose_channels_are_others_is_refused_by_name(convert_channels, channels_source, write_volume):
    images, labels = channels_source / "images", channels_source / "labels"
    (images / "A_1_0001.nii.gz").unlink()
    write_volume(images / "A_2_0002.nii.gz", np.ones((2, 3, 4), np.uint8))
    write_volume(images / "A_3_0001.nii.gz", np.ones((2, 3, 4), np.uint8), spacing_mm=(0.5, 0.6, 4.0))
    write_volume(labels / "A_4.nii.gz", np.ones((2, 3, 5), np.uint8))
    (labels / "A_5.nii.gz").unlink()
    write_volume(images / "B.nii.gz", np.ones((2, 3, 4), np.uint8))
    write_volume(labels / "B.nii.gz", np.ones((2, 3, 4), np.uint8))
    write_volume(labels / "C.nii.gz", np.ones((2, 3, 4), np.uint8))
    converted, problems = convert_channels()
    assert list(converted) == ["A_6"]
    assert problems == {
        "A_1": "lacks A_1_0001.nii.gz (FLAIR)",
        "A_2": "has A_2_0002.nii.gz; expected only A_2_0000.nii.gz, A_2_0001.nii.gz",
        "A_3": "FLAIR has spacing (0.5, 0.6, 4) mm, T1 has (0.5, 0.6, 3) mm",
        "A_4": "the labels have shape (5, 3, 2), the image has (4, 3, 2)",
        "A_5": "has an image but no labels",
        "B": "has B.nii.gz; expected only B_0000.nii.gz, B_0001.nii.gz",
        "C": "has labels and no image",
    }


@pytest.mark.parametrize("name", ["images", "imagesTr", "labels", "labelsTr"])
def test_one_of_the_folders_tells_the_layout(tmp_path, name):
    assert not is_paired(tmp_path)
    (tmp_path / name).mkdir()
    assert is_paired(tmp_path)
