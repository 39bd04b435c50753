import shutil
import struct

import numpy as np
import pytest
from PIL import Image

from convert_all import convert_all
from nnunet_cscn.conversion.lgg_slices import find_cases, nominal_grid
from nnunet_cscn.errors import UserError

PATIENT = "TCGA_CS_0001_19990101"

# Four blocks of 2x2 pixels with sums 10, 14, 11 and 1020: means 2.5, 3.5, 2.75 and 255.
# Rounded to the nearest, halves to the even number: 2, 4, 3 and 255.
RED = np.array([[1, 2, 3, 3], [3, 4, 4, 4], [2, 3, 255, 255], [3, 3, 255, 255]], np.uint8)
RED_AVERAGED = [[2, 4], [3, 255]]
# One, two, three and four of four pixels are tumour: two of four count.
MASK = np.array([[255, 0, 255, 0], [0, 0, 255, 0], [255, 255, 255, 255], [0, 255, 255, 255]], np.uint8)
MASK_AVERAGED = [[0, 1], [1, 1]]


def rgb(red, green=20, blue=40):
    return np.stack([np.broadcast_to(np.uint8(channel), (4, 4)) for channel in (red, green, blue)], axis=-1)


@pytest.fixture
def source(tmp_path, write_slices):
    """One patient of three slices in `kaggle_3m`, as an unpacked download has it."""
    write_slices(tmp_path / "kaggle_3m" / PATIENT, {number: (rgb(number), MASK) for number in (1, 2, 3)})
    (tmp_path / "kaggle_3m" / "data.csv").write_text("Patient,RNASeqCluster\n")
    return tmp_path / "kaggle_3m"


@pytest.fixture
def patient(source):
    return source / PATIENT


@pytest.fixture
def refusal(source, tmp_path):
    """Return a function that gives the reason why the only patient is refused."""

    def get():
        converted, problems = convert_all(find_cases(source), tmp_path / "raw", {"tumour": 1})
        assert converted == {}
        assert not list((tmp_path / "raw").rglob("*.nii.gz"))
        return problems[PATIENT]

    return get


def _rgb_tiff_of_16_bits():
    """An uncompressed TIFF of 4x4 pixels by the format's definition, as pillow writes none."""
    pixels = np.arange(48, dtype="<u2").tobytes()
    short, long = 3, 4
    bits_at, pixels_at = 8 + 2 + 9 * 12 + 4, 8 + 2 + 9 * 12 + 4 + 6
    entries = [
        (256, long, 1, 4),  # columns
        (257, long, 1, 4),  # rows
        (258, short, 3, bits_at),
        (259, short, 1, 1),  # no compression
        (262, short, 1, 2),  # RGB
        (273, long, 1, pixels_at),
        (277, short, 1, 3),  # samples of a pixel
        (278, long, 1, 4),  # rows of a strip
        (279, long, 1, len(pixels)),
    ]
    directory = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    header = b"II*\0" + struct.pack("<IH", 8, len(entries))
    return header + directory + struct.pack("<I", 0) + struct.pack("<3H", 16, 16, 16) + pixels


def _save(file, array):
    Image.fromarray(array).save(file)


def test_2x2_pixels_become_one_by_average_and_by_half_of_the_area(tmp_path, write_slices):
    write_slices(tmp_path / PATIENT, {1: (rgb(RED, green=7, blue=RED.T), MASK)})
    case = find_cases(tmp_path)[0].load()
    assert [channel.dtype for channel in (*case.channels, case.labels)] == [np.uint8] * 4
    assert case.channels[0].tolist() == [RED_AVERAGED]
    assert case.channels[1].tolist() == [[[7, 7], [7, 7]]]
    assert case.channels[2].tolist() == [[[2, 3], [4, 255]]]
    assert case.labels.tolist() == [MASK_AVERAGED]


def test_slices_are_in_the_order_of_their_numbers_not_of_their_names(tmp_path, write_slices):
    write_slices(
        tmp_path / PATIENT,
        {number: (rgb(number), np.full((4, 4), 255 * (number == 10), np.uint8)) for number in range(1, 12)},
    )
    case = find_cases(tmp_path)[0].load()
    assert case.channels[0][:, 0, 0].tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]
    assert case.labels[:, 0, 0].tolist() == [0] * 9 + [1, 0]


@pytest.mark.parametrize(("n_slices", "step_mm"), [(20, 7.0), (23, 6.09), (88, 1.59)])
def test_the_grid_is_nominal_and_140_mm_high_to_hundredths(n_slices, step_mm):
    grid = nominal_grid(128, 64, n_slices)
    assert grid.shape == (128, 64, n_slices)
    assert grid.spacing_mm == (2.0, 2.0, step_mm)
    assert grid.direction == (1, 0, 0, 0, 1, 0, 0, 0, 1)


def test_slices_of_more_columns_than_rows_keep_their_axes(tmp_path, write_slices):
    write_slices(tmp_path / PATIENT, {1: (np.zeros((4, 6, 3), np.uint8), np.zeros((4, 6), np.uint8))})
    case = find_cases(tmp_path)[0].load()
    assert case.labels.shape == (1, 2, 3)
    assert case.grid.shape == (3, 2, 1)


def test_masks_of_0_and_1_are_masks_too(tmp_path, write_slices):
    write_slices(tmp_path / PATIENT, {1: (rgb(1), MASK // 255)})
    assert find_cases(tmp_path)[0].load().labels.tolist() == [MASK_AVERAGED]


@pytest.mark.parametrize("above", [False, True])
def test_patients_of_a_download_that_holds_them_twice_are_taken_once(source, tmp_path, above):
    shutil.copytree(source, tmp_path / "lgg-mri-segmentation" / "kaggle_3m")
    (tmp_path / "__MACOSX" / "TCGA_XX").mkdir(parents=True)
    assert [case.name for case in find_cases(tmp_path if above else source)] == [PATIENT]


def test_a_patient_without_any_slice_is_told(source):
    (source / "TCGA_HT_0002_19990101").mkdir()
    _, empty = find_cases(source)
    with pytest.raises(UserError, match="no slices"):
        empty.load()


def test_another_folder_is_refused_with_what_is_expected(tmp_path):
    with pytest.raises(UserError, match=r"slices such as TCGA_.*; found none"):
        find_cases(tmp_path)


def test_hidden_and_other_files_are_passed_over(source, patient):
    (patient / f"._{PATIENT}_1.tif").write_bytes(b"junk")
    (patient / "Thumbs.db").write_bytes(b"junk")
    assert find_cases(source)[0].load().labels.shape == (3, 2, 2)


@pytest.mark.parametrize(
    ("removed", "reason"),
    [
        (["2.tif", "2_mask.tif"], "slices are missing: 2"),
        (["1.tif", "1_mask.tif"], "slices are missing: 1"),
        (["2.tif"], "masks without a slice: 2"),
        (["1_mask.tif", "3_mask.tif"], "slices without a mask: 1, 3"),
    ],
)
def test_slices_and_masks_that_are_missing_are_found_by_number(patient, refusal, removed, reason):
    for ending in removed:
        (patient / f"{PATIENT}_{ending}").unlink()
    assert refusal() == reason


def test_a_long_list_of_missing_slices_is_cut(patient, refusal):
    (patient / f"{PATIENT}_3.tif").rename(patient / f"{PATIENT}_999999999999.tif")
    (patient / f"{PATIENT}_3_mask.tif").rename(patient / f"{PATIENT}_999999999999_mask.tif")
    assert refusal() == "slices are missing: 3, 4, 5, 6, 7, ..."


def test_two_slices_of_a_number_are_refused(patient, refusal):
    shutil.copy(patient / f"{PATIENT}_2.tif", patient / f"{PATIENT}_02.tif")
    assert refusal() == f"{PATIENT}_02.tif and {PATIENT}_2.tif have the same number"


@pytest.mark.parametrize("name", ["TCGA_CS_0002_19990101_4.tif", f"{PATIENT}.tif", f"{PATIENT}_4.tiff"])
def test_a_slice_of_another_name_is_refused(patient, refusal, name):
    _save(patient / name, rgb(4))
    assert refusal() == f"{name}: expected names such as {PATIENT}_1.tif and {PATIENT}_1_mask.tif"


@pytest.mark.parametrize(("ending", "shape"), [("2.tif", (6, 4, 3)), ("2_mask.tif", (6, 4))])
def test_slices_and_masks_of_different_sizes_are_refused(patient, refusal, ending, shape):
    _save(patient / f"{PATIENT}_{ending}", np.zeros(shape, np.uint8))
    assert "different sizes: 4x4, 4x6" in refusal()


def test_odd_sizes_are_refused(patient, refusal):
    for number in (1, 2, 3):
        _save(patient / f"{PATIENT}_{number}.tif", np.zeros((4, 5, 3), np.uint8))
        _save(patient / f"{PATIENT}_{number}_mask.tif", np.zeros((4, 5), np.uint8))
    assert "5x4 pixels; expected even numbers" in refusal()


@pytest.mark.parametrize(
    ("pixels", "kind"),
    [
        (np.zeros((4, 4), np.uint8), "L of 8 bits"),
        (np.zeros((4, 4, 4), np.uint8), "RGBA of 8 bits"),
        (np.zeros((4, 4), np.uint16), "I;16 of 16 bits"),
    ],
)
def test_slices_that_are_not_rgb_of_8_bits_are_refused(patient, refusal, pixels, kind):
    _save(patient / f"{PATIENT}_2.tif", pixels)
    assert refusal() == f"{PATIENT}_2.tif: expected RGB of 8 bits, got {kind}"


def test_rgb_of_16_bits_is_refused_although_pillow_would_read_it_as_8(patient, refusal):
    (patient / f"{PATIENT}_2.tif").write_bytes(_rgb_tiff_of_16_bits())
    assert refusal() == f"{PATIENT}_2.tif: expected RGB of 8 bits, got RGB of 16 bits"


def test_a_mask_of_several_channels_is_refused(patient, refusal):
    _save(patient / f"{PATIENT}_2_mask.tif", rgb(0))
    assert refusal() == f"{PATIENT}_2_mask.tif: expected a mask of one channel of 8 bits, got RGB of 8 bits"


def test_masks_of_more_than_two_values_are_refused(patient, refusal):
    _save(patient / f"{PATIENT}_2_mask.tif", np.full((4, 4), 100, np.uint8))
    assert "0, 100, 255" in refusal()


def test_a_file_of_several_images_is_refused(patient, refusal):
    page = Image.fromarray(rgb(0))
    page.save(patient / f"{PATIENT}_2.tif", save_all=True, append_images=[page])
    assert f"{PATIENT}_2.tif: expected one image" in refusal()


@pytest.mark.filterwarnings("ignore:Truncated File Read")  # the command silences it, too
@pytest.mark.parametrize("content", [b"", b"no TIFF", None])
def test_damaged_files_are_refused(patient, refusal, content):
    file = patient / f"{PATIENT}_2.tif"
    file.write_bytes(file.read_bytes()[:-60] if content is None else content)
    assert f"{file.name}: the file is damaged" in refusal()
