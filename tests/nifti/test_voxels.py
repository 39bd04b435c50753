import contextlib
import gzip
import struct
import tracemalloc

import numpy as np
import pytest
import SimpleITK

from nnunet_cscn.errors import UserError
from nnunet_cscn.nifti.voxels import check_whole, count_not_finite, read_voxels


def stored(voxels, *, order="<", code=2, slope=1.0, intercept=0.0, dimensions=None):
    """A NIfTI-1 file made by hand; `voxels` in the order (Z, Y, X)."""
    shape = dimensions or voxels.shape[::-1]
    header = bytearray(352)
    struct.pack_into(order + "i", header, 0, 348)
    struct.pack_into(f"{order}{len(shape) + 1}h", header, 40, len(shape), *shape)
    struct.pack_into(order + "hh", header, 70, code, 8 * voxels.itemsize)
    struct.pack_into(order + "8f", header, 76, 1, 1, 1, 1, 1, 1, 1, 1)
    struct.pack_into(order + "3f", header, 108, 352.0, slope, intercept)
    header[344:348] = b"n+1\0"
    return bytes(header) + voxels.astype(voxels.dtype.newbyteorder(order)).tobytes()


VOXELS = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"])
def test_voxels_are_those_that_simpleitk_reads(tmp_path, write_volume, dtype, ending):
    path = write_volume(tmp_path / f"a{ending}", VOXELS.astype(dtype))
    voxels = read_voxels(path)
    assert voxels.dtype == np.dtype(dtype)
    assert np.array_equal(voxels, SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path))))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("slope", "intercept"), [(1, 0), (2, 0), (1, 3), (0.5, -1), (0, 0)])
def test_byte_order_and_scaling_are_those_of_simpleitk(tmp_path, order, slope, intercept):
    path = tmp_path / "a.nii"
    path.write_bytes(stored(VOXELS.astype(np.int16), order=order, code=4, slope=slope, intercept=intercept))
    expected = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))
    assert np.array_equal(read_voxels(path), expected)


def test_a_scaling_of_nan_is_no_scaling(tmp_path):
    path = tmp_path / "a.nii"
    path.write_bytes(stored(VOXELS, slope=float("nan"), intercept=float("nan")))
    assert np.array_equal(read_voxels(path), VOXELS)


def test_version_two_of_the_format_is_read(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    path = tmp_path / "a.nii.gz"
    nibabel.save(nibabel.Nifti2Image(VOXELS.transpose(2, 1, 0), np.eye(4)), path)
    assert np.array_equal(read_voxels(path), VOXELS)


def test_further_dimensions_of_one_are_dropped(tmp_path):
    path = tmp_path / "a.nii"
    path.write_bytes(stored(VOXELS, dimensions=(4, 3, 2, 1)))
    assert np.array_equal(read_voxels(path), VOXELS)


def test_a_flat_image_is_one_slice(tmp_path):
    path = tmp_path / "a.nii"
    path.write_bytes(stored(VOXELS, dimensions=(4, 6)))
    assert np.array_equal(read_voxels(path), VOXELS.reshape(1, 6, 4))


@pytest.mark.parametrize("dimensions", [(24,), (4, 3, 1, 2), (4, 3, 2, 1, 5)])
def test_other_than_three_dimensions_are_refused(tmp_path, dimensions):
    path = tmp_path / "a.nii"
    path.write_bytes(stored(VOXELS, dimensions=dimensions))
    with pytest.raises(UserError, match=f"expected 3 dimensions, the file has {len(dimensions)}"):
        read_voxels(path)


def test_colours_are_refused(tmp_path):
    path = tmp_path / "a.nii"
    path.write_bytes(stored(VOXELS, code=128))
    with pytest.raises(UserError, match="expected numeric voxels"):
        read_voxels(path)


@pytest.mark.parametrize("share", [0.02, 0.5, 0.9, 0.999])
def test_a_truncated_packed_file_is_refused(tmp_path, share):
    content = gzip.compress(stored(np.random.default_rng(0).integers(0, 255, (20, 30, 40), dtype=np.uint8)))
    path = tmp_path / "a.nii.gz"
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(UserError, match="the file is truncated"):
        read_voxels(path)


@pytest.mark.parametrize("missing", [1, 20])
@pytest.mark.parametrize("is_packed", [False, True])
def test_a_file_with_too_few_voxels_is_refused(tmp_path, missing, is_packed):
    content = stored(VOXELS)[:-missing]
    path = tmp_path / "a.nii"
    path.write_bytes(gzip.compress(content) if is_packed else content)
    with pytest.raises(UserError, match=f"truncated: it has {352 + 24 - missing} of {352 + 24} bytes"):
        read_voxels(path)


def test_a_changed_byte_in_a_packed_file_is_noticed(tmp_path):
    content = bytearray(gzip.compress(stored(np.random.default_rng(0).integers(0, 255, (9, 9, 9), dtype=np.uint8))))
    content[-5] ^= 1  # a bit of the checksum
    path = tmp_path / "a.nii.gz"
    path.write_bytes(content)
    with pytest.raises(UserError, match="the file is damaged"):
        read_voxels(path)


@pytest.mark.parametrize("content", [b"", b"abc", b"no image at all" * 50, stored(VOXELS)[:200]])
def test_a_file_without_a_header_is_refused(tmp_path, content):
    path = tmp_path / "a.nii"
    path.write_bytes(content)
    with pytest.raises(UserError, match="not NIfTI or its header is truncated"):
        read_voxels(path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        read_voxels(tmp_path / "absent.nii.gz")


@pytest.mark.parametrize("shape", [(5,), (2, 3, 4), (2, 3, 4, 5)])
def test_a_file_of_any_dimensions_is_whole_or_not(tmp_path, shape):
    path = tmp_path / "a.nii"
    content = stored(np.arange(np.prod(shape), dtype=np.int16).reshape(shape), code=4)
    path.write_bytes(content)
    check_whole(path)
    path.write_bytes(content[:-1])
    with pytest.raises(UserError, match=f"truncated: it has {len(content) - 1} of {len(content)} bytes"):
        check_whole(path)
    path.write_bytes(gzip.compress(content)[:-5])
    with pytest.raises(UserError, match="truncated"):
        check_whole(path)


def test_a_wrong_number_of_bits_in_the_header_does_no_harm(tmp_path):
    content = bytearray(stored(VOXELS))
    path = tmp_path / "a.nii"
    for n_bits in (0, 64):
        struct.pack_into("<h", content, 72, n_bits)
        path.write_bytes(content)
        check_whole(path)
        assert np.array_equal(read_voxels(path), VOXELS)
        path.write_bytes(content[:-1])
        with pytest.raises(UserError, match="truncated"):
            read_voxels(path)


@pytest.mark.parametrize("offset", [np.nan, np.inf, -np.inf, 1e38])
@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_a_header_that_does_not_say_where_the_voxels_are_is_refused(tmp_path, offset, ending):
    content = bytearray(stored(VOXELS))
    struct.pack_into("<f", content, 108, offset)
    path = tmp_path / f"a{ending}"
    path.write_bytes(gzip.compress(content) if ending.endswith(".gz") else bytes(content))
    for read in (read_voxels, check_whole, count_not_finite):
        with pytest.raises(UserError, match="vox_offset" if not np.isfinite(offset) else "truncated"):
            read(path)


@pytest.mark.parametrize("dimensions", [(-2, -3, 4), (0, 3, 4), (2, 3, -1)])
def test_dimensions_that_are_not_positive_are_refused(tmp_path, dimensions):
    path = tmp_path / "a.nii"
    path.write_bytes(stored(VOXELS, dimensions=dimensions))
    for read in (read_voxels, check_whole):
        with pytest.raises(UserError, match="header is damaged"):
            read(path)


@pytest.mark.parametrize("code", [-1, 3, 30_000])
def test_an_unknown_type_of_voxels_is_refused(tmp_path, code):
    path = tmp_path / "a.nii"
    path.write_bytes(stored(VOXELS, code=code))
    with pytest.raises(UserError, match="another type"):
        read_voxels(path)


def test_what_is_packed_behind_the_voxels_takes_no_memory(tmp_path):
    path = tmp_path / "a.nii.gz"
    path.write_bytes(gzip.compress(stored(VOXELS) + bytes(100 * 2**20)))
    tracemalloc.start()
    voxels = read_voxels(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert np.array_equal(voxels, VOXELS)
    assert peak < 10 * 2**20


def test_a_file_of_several_packed_parts_is_read(tmp_path):
    content, path = stored(VOXELS), tmp_path / "a.nii.gz"
    path.write_bytes(gzip.compress(content[:360]) + gzip.compress(content[360:]))
    assert np.array_equal(read_voxels(path), VOXELS)
    path.write_bytes(gzip.compress(content[:360]) + gzip.compress(content[360:])[:-1])
    with pytest.raises(UserError, match="truncated"):
        read_voxels(path)


@pytest.mark.parametrize(
    ("voxels", "code", "slope", "count"),
    [
        (np.array([1, 3.4e38, -3.4e38]), 64, 1.0, 0),
        (np.array([1, 1e39, -1e300]), 64, 1.0, 2),
        (np.array([np.nan, np.inf, 1e39]), 64, 1.0, 3),
        (np.array([1.0, 2, 3]), 64, 2e38, 2),
        (np.array([1, 2, 3], np.float32), 16, 2e38, 2),
        (np.array([1, 2, 3], np.int16), 4, 2e38, 2),
        (np.array([1, 2, 3], np.int16), 4, 1e38, 0),
    ],
)
@pytest.mark.parametrize("order", "<>")
@pytest.mark.filterwarnings("error")
def test_values_that_nnunet_would_read_as_infinite_are_counted(tmp_path, voxels, code, slope, count, order):
    content = bytearray(stored(voxels.reshape(1, 1, 3), order=order, code=code, slope=slope))
    struct.pack_into(f"{order}12f", content, 280, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0)
    struct.pack_into(f"{order}2h", content, 252, 0, 1)
    path = tmp_path / "a.nii"
    path.write_bytes(content)
    assert count_not_finite(path) == count
    image = SimpleITK.Cast(SimpleITK.ReadImage(str(path)), SimpleITK.sitkFloat32)  # as nnU-Net's reader
    if not np.isnan(voxels).any():  # ITK replaces NaN by 0
        assert np.count_nonzero(~np.isfinite(SimpleITK.GetArrayFromImage(image))) == count


@pytest.mark.parametrize("damage", ["a slope without intercept", "a quaternion that is none", "nan", "no length"])
def test_images_without_a_grid_are_refused(tmp_path, damage):
    content = bytearray(stored(VOXELS.astype(np.float32), code=16))
    struct.pack_into("<12f", content, 280, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0)
    struct.pack_into("<2h", content, 252, 0, 1)
    path = tmp_path / "a.nii"
    path.write_bytes(content)
    assert count_not_finite(path) == 0
    if damage == "a slope without intercept":
        struct.pack_into("<f", content, 116, np.nan)
    elif damage == "a quaternion that is none":
        struct.pack_into("<2h3f", content, 252, 1, 0, 1e30, 0, 0)
    else:
        struct.pack_into("<f", content, 280, np.nan if damage == "nan" else 0)
    path.write_bytes(content)
    with pytest.raises(UserError, match="header is damaged"):
        count_not_finite(path)


def test_a_wrong_size_of_the_header_does_no_harm(tmp_path):
    content, path = bytearray(stored(VOXELS)), tmp_path / "a.nii"
    struct.pack_into("<f", content, 108, -1.5)
    struct.pack_into("<i", content, 0, -(2**31))
    path.write_bytes(content)
    with contextlib.suppress(UserError):
        read_voxels(path)
