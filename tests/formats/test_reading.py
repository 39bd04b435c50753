import json

import numpy as np
import pytest
import SimpleITK
import tifffile
from skimage.io import imsave

from nnunet_cscn.errors import UserError
from nnunet_cscn.formats.reading import BY_CONTENT, SHOWN_IMAGES

VOXELS = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)


def itk_image(voxels, spacing):
    image = SimpleITK.GetImageFromArray(voxels)
    image.SetSpacing(spacing)
    return image


@pytest.mark.parametrize("ending", [".nii.gz", ".nii", ".nrrd", ".mha", ".mhd", ".gipl"])
def test_volumes_of_itks_formats(tmp_path, ending):
    file = tmp_path / f"a{ending}"
    SimpleITK.WriteImage(itk_image(VOXELS, (0.5, 0.6, 3.0)), str(file))
    volume = BY_CONTENT.read(file)
    assert np.array_equal(volume.voxels, VOXELS)
    assert volume.grid.spacing_mm == pytest.approx((0.5, 0.6, 3.0))
    assert BY_CONTENT.grid(file) == volume.grid


@pytest.mark.parametrize("ending", [".nii.gz", ".nrrd", ".mha"])
def test_a_flat_image_of_itks_formats_is_one_slice(tmp_path, ending):
    file = tmp_path / f"a{ending}"
    SimpleITK.WriteImage(itk_image(VOXELS[0], (0.5, 0.6)), str(file))
    volume = BY_CONTENT.read(file)
    assert np.array_equal(volume.voxels, VOXELS[:1])
    assert (volume.grid.shape, volume.grid.is_flat) == ((4, 3, 1), True)


@pytest.mark.parametrize("ending", [".png", ".bmp", ".tif"])
def test_pictures_are_flat_and_measured_in_pixels(tmp_path, ending):
    file = tmp_path / f"a{ending}"
    pixels = VOXELS.reshape(6, 4)
    imsave(file, pixels, check_contrast=False)
    volume = BY_CONTENT.read(file)
    assert np.array_equal(volume.voxels, pixels[None])
    assert volume.grid.is_flat
    assert "pixels" in volume.grid.notes[0]


@pytest.mark.parametrize("name", ["a.tif", "a_0000.tif", "a.tiff"])
def test_the_spacing_of_a_tiff_stands_in_the_file_beside_it(tmp_path, name):
    tifffile.imwrite(tmp_path / name, VOXELS)
    (tmp_path / "a.json").write_text(json.dumps({"spacing": [3.0, 0.6, 0.5]}), encoding="utf-8")
    volume = BY_CONTENT.read(tmp_path / name)
    assert np.array_equal(volume.voxels, VOXELS)
    assert volume.grid.spacing_mm == (0.5, 0.6, 3.0)
    assert volume.grid.notes == ()


def test_a_tiff_without_a_spacing_is_measured_in_voxels(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", VOXELS)
    volume = BY_CONTENT.read(tmp_path / "a.tif")
    assert volume.grid.spacing_mm == (1.0, 1.0, 1.0)
    assert "a.json is missing" in volume.grid.notes[0]


@pytest.mark.parametrize("content", ["{}", "[]", '{"spacing": [1, 2]}', '{"spacing": [1, 0, 2]}', "no JSON"])
def test_a_wrong_spacing_beside_a_tiff_is_refused(tmp_path, content):
    tifffile.imwrite(tmp_path / "a.tif", VOXELS)
    (tmp_path / "a.json").write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=r"3 positive numbers in a\.json"):
        BY_CONTENT.read(tmp_path / "a.tif")


def test_colours_are_refused_in_label_maps_and_grey_in_images_to_look_at(tmp_path):
    colours = np.stack([VOXELS[0], VOXELS[0] + 3, VOXELS[0] + 6], axis=-1)
    imsave(tmp_path / "a.png", colours, check_contrast=False)
    with pytest.raises(UserError, match="one value per pixel"):
        BY_CONTENT.read(tmp_path / "a.png")
    assert np.array_equal(SHOWN_IMAGES.read(tmp_path / "a.png").voxels, VOXELS[:1] + 3.0)


@pytest.mark.parametrize("ending", [".nii.gz", ".nrrd", ".mha", ".png", ".tif"])
def test_damaged_files_end_in_a_sentence(tmp_path, ending):
    (tmp_path / f"a{ending}").write_bytes(b"no image at all" * 50)
    with pytest.raises(UserError):
        BY_CONTENT.read(tmp_path / f"a{ending}")


def test_an_unknown_format_is_refused(tmp_path):
    (tmp_path / "a.npz").touch()
    with pytest.raises(UserError):
        BY_CONTENT.read(tmp_path / "a.npz")


@pytest.mark.parametrize("n_slices", [3, 4])
def test_a_few_slices_of_a_tiff_are_no_colours(tmp_path, n_slices):
    voxels = np.arange(n_slices * 5 * 6, dtype=np.float32).reshape(n_slices, 5, 6)
    tifffile.imwrite(tmp_path / "a_0000.tif", voxels)
    assert np.array_equal(SHOWN_IMAGES.read(tmp_path / "a_0000.tif").voxels, voxels)


def test_a_coloured_tiff_becomes_grey_when_shown(tmp_path):
    pixels = np.stack([VOXELS[0], VOXELS[0] + 3, VOXELS[0] + 6], axis=-1)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb")
    assert np.array_equal(SHOWN_IMAGES.read(tmp_path / "a.tif").voxels, VOXELS[:1] + 3.0)
