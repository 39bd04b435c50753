import os
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK
from pydicom.uid import DeflatedExplicitVRLittleEndian, RLELossless

from dicom_files import write_series
from nnunet_cscn.dicom.headers import read_headers
from nnunet_cscn.dicom.pixels import read_pixels
from nnunet_cscn.dicom.series import image_series
from nnunet_cscn.errors import UserError

VOXELS = np.arange(4 * 5 * 7, dtype=np.int16).reshape(4, 5, 7)


def found_in(folder):
    series, problems = image_series(read_headers(folder))
    return series, list(problems.values())


def test_paths_that_are_no_utf_8_are_read(tmp_path):
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/M\xfcller"))
    write_series(folder, VOXELS)
    (series,), _ = found_in(tmp_path)
    assert (read_pixels(series) == VOXELS).all()


@pytest.mark.parametrize("n_missing", [2, 70])
def test_pixels_that_are_cut_off_are_told(tmp_path, n_missing):
    write_series(tmp_path, VOXELS)
    (series,), _ = found_in(tmp_path)
    content = pydicom.dcmread(series.files[2])
    content.PixelData = content.PixelData[:-n_missing]
    content.save_as(series.files[2])
    with pytest.raises(UserError, match="slice 3: the pixel data are truncated"):
        read_pixels(series)
    series.files[2].write_bytes(series.files[2].read_bytes()[:-10])  # and the file itself
    with pytest.raises(UserError, match="slice 3: the pixel data are truncated"):
        read_pixels(series)


@pytest.mark.parametrize("compressor", ["JPEG", "JPEG2000"])
def test_lossless_jpeg_slices_are_unpacked(tmp_path, compressor):
    voxels = np.random.default_rng(0).integers(0, 2000, (2, 32, 48)).astype(np.uint16)
    slices = write_series(tmp_path / "plain", voxels, shuffled=False)
    (tmp_path / "packed").mkdir()
    for number, content in enumerate(slices):
        image = SimpleITK.ReadImage(str(tmp_path / "plain" / f"{number:03d}.dcm"))
        writer = SimpleITK.ImageFileWriter()
        writer.KeepOriginalImageUIDOn()
        writer.SetImageIO("GDCMImageIO")
        writer.UseCompressionOn()
        writer.SetCompressor(compressor)
        writer.SetFileName(str(tmp_path / "packed" / f"{number}.dcm"))
        writer.Execute(image)
        packed = pydicom.dcmread(tmp_path / "packed" / f"{number}.dcm")
        assert packed.file_meta.TransferSyntaxUID.is_encapsulated
        for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
            setattr(packed, keyword, content[keyword].value)
        packed.save_as(tmp_path / "packed" / f"{number}.dcm")
    (series,), problems = found_in(tmp_path / "packed")
    assert problems == []
    assert (read_pixels(series) == voxels).all()


def test_files_without_dicoms_mark_are_read(tmp_path):
    write_series(tmp_path, VOXELS)
    for file in tmp_path.iterdir():
        file.write_bytes(file.read_bytes()[132:])
    (series,), _ = found_in(tmp_path)
    assert series.stack.shape == VOXELS.shape
    assert (read_pixels(series) == VOXELS).all()


@pytest.mark.parametrize(
    ("slope", "intercept", "kind", "expected"),
    [(1, -1024, np.integer, VOXELS - 1024), (0.5, 3, np.float32, VOXELS * 0.5 + 3)],
)
def test_values_are_rescaled_without_loss(tmp_path, slope, intercept, kind, expected):
    write_series(tmp_path, VOXELS, RescaleSlope=slope, RescaleIntercept=intercept)
    (series,), _ = found_in(tmp_path)
    pixels = read_pixels(series)
    assert np.issubdtype(pixels.dtype, kind)
    assert (pixels == expected).all()


@pytest.mark.filterwarnings("error")
def test_values_beyond_32_bits_stay_as_they_are(tmp_path):
    write_series(tmp_path, np.ones((3, 4, 4), np.int16), RescaleSlope=1e39, RescaleIntercept=0)
    (series,), _ = found_in(tmp_path)
    assert (read_pixels(series) == 1e39).all()


def test_slices_with_scalings_of_their_own_are_each_rescaled(tmp_path):
    write_series(tmp_path, np.ones((3, 4, 4), np.int16), RescaleSlope=[1, 2, 4], RescaleIntercept=0)
    (series,), _ = found_in(tmp_path)
    assert read_pixels(series)[:, 0, 0].tolist() == [1, 2, 4]


@pytest.mark.parametrize("syntax", [RLELossless, DeflatedExplicitVRLittleEndian])
def test_compressed_slices_are_unpacked(tmp_path, syntax):
    voxels = np.random.default_rng(0).integers(0, 2000, (2, 32, 32)).astype(np.uint16)
    for content, number in zip(write_series(tmp_path, voxels, shuffled=False), range(2), strict=True):
        if syntax.is_encapsulated:
            content.compress(syntax, generate_instance_uid=False)
        content.file_meta.TransferSyntaxUID = syntax
        content.save_as(tmp_path / f"{number:03d}.dcm")
    (series,), _ = found_in(tmp_path)
    assert (read_pixels(series) == voxels).all()
