from types import SimpleNamespace

import nibabel
import numpy as np
import pytest
import SimpleITK
import tifffile
from nnunetv2.imageio.nibabel_reader_writer import NibabelIO, NibabelIOWithReorient
from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO
from nnunetv2.imageio.tif_reader_writer import Tiff3DIO

from nnunet_cscn.errors import UserError
from nnunet_cscn.files import write_json
from nnunet_cscn.prediction.map_files import check_reader, map_ending, spacing_entry, write_map

VALUES = np.random.default_rng(0).random((2, 3, 4), dtype=np.float32)


def plans(name):
    return SimpleNamespace(image_reader_writer_class=type(name, (), {}))


def test_a_map_has_the_geometry_of_its_image(tmp_path):
    values = np.random.default_rng(0).random((2, 3, 4), dtype=np.float32)
    geometry = {
        "spacing": (0.5, 0.6, 3.0),
        "origin": (10.0, -20.0, 30.0),
        "direction": (0.8, -0.6, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, 1.0),
    }
    write_map(tmp_path / "maps" / "a.nii.gz", values, {"sitk_stuff": geometry})
    image = SimpleITK.ReadImage(str(tmp_path / "maps" / "a.nii.gz"))
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(image), values)
    for name, expected in geometry.items():
        np.testing.assert_allclose(getattr(image, f"Get{name.capitalize()}")(), expected, atol=1e-6)
    assert [file.name for file in (tmp_path / "maps").iterdir()] == ["a.nii.gz"]


@pytest.mark.parametrize("reader", [NibabelIO, NibabelIOWithReorient])
def test_a_map_of_nibabels_readers_comes_back_as_nnunet_reads_it(tmp_path, reader):
    """The image is oblique, sheared, and stored from left to right and from back to front."""
    affine = np.array([[-0.5, 0.001, 0, 10], [0.1, -0.6, 0.2, 20], [0, 0.1, 3, -30], [0, 0, 0, 1]])
    nibabel.save(nibabel.Nifti1Image(VALUES.transpose(2, 1, 0), affine), tmp_path / "image.nii.gz")
    voxels, properties = reader().read_images([str(tmp_path / "image.nii.gz")])
    write_map(tmp_path / "map.nii.gz", voxels[0], properties)
    again, _ = reader().read_images([str(tmp_path / "map.nii.gz")])
    np.testing.assert_array_equal(again, voxels)
    np.testing.assert_allclose(nibabel.load(tmp_path / "map.nii.gz").affine, affine, atol=1e-6)


@pytest.mark.parametrize("ending", [".mha", ".nrrd", ".nii.gz"])
def test_a_map_of_a_flat_image_is_flat(tmp_path, ending):
    image = SimpleITK.GetImageFromArray(VALUES[0])
    image.SetSpacing((0.5, 0.6))
    SimpleITK.WriteImage(image, str(tmp_path / f"image{ending}"))
    voxels, properties = SimpleITKIO().read_images([str(tmp_path / f"image{ending}")])
    write_map(tmp_path / f"map{ending}", voxels[0], properties)
    written = SimpleITK.ReadImage(str(tmp_path / f"map{ending}"))
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(written), VALUES[0])
    assert written.GetSpacing() == pytest.approx((0.5, 0.6))


def test_a_map_of_tiffs_has_its_spacing_beside_it(tmp_path):
    properties = {"spacing": (3.0, 0.6, 0.5)}
    write_map(tmp_path / "a.tif", VALUES, properties)
    write_json(tmp_path / "a.json", {"disagreement": 0.1, **spacing_entry(plans("Tiff3DIO"), properties)})
    voxels, found = Tiff3DIO().read_seg(str(tmp_path / "a.tif"))
    np.testing.assert_array_equal(voxels[0], VALUES)
    assert tuple(found["spacing"]) == properties["spacing"]
    assert spacing_entry(plans("SimpleITKIO"), properties) == {}


def test_a_map_of_a_picture_is_a_flat_tiff(tmp_path):
    write_map(tmp_path / "a.tif", VALUES[:1], {"spacing": (999, 1, 1)})
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "a.tif"), VALUES[0])


@pytest.mark.parametrize(
    ("ending", "geometry", "writer"),
    [
        (".nrrd", {"sitk_stuff": {"spacing": (1, 1, 1), "origin": (0, 0, 0), "direction": np.eye(3).ravel()}}, "ITK"),
        (".tif", {"spacing": (3.0, 0.6, 0.5)}, "tifffile"),
    ],
)
def test_a_map_that_was_written_in_part_is_told_and_removed(tmp_path, monkeypatch, ending, geometry, writer):
    """As on a full disk, of which ITK says nothing."""
    whole = {"ITK": SimpleITK.WriteImage, "tifffile": tifffile.imwrite}[writer]

    def cut(*arguments, **options):
        whole(*arguments, **options)
        (file,) = tmp_path.rglob(f"*{ending}")
        file.write_bytes(file.read_bytes()[:-40])

    monkeypatch.setattr(*{"ITK": (SimpleITK, "WriteImage"), "tifffile": (tifffile, "imwrite")}[writer], cut)
    with pytest.raises(OSError, match="whole"):
        write_map(tmp_path / f"map{ending}", VALUES, geometry)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("reader", "ending", "of_maps"),
    [
        ("SimpleITKIO", ".nrrd", ".nrrd"),
        ("NibabelIO", ".nii.gz", ".nii.gz"),
        ("NaturalImage2DIO", ".png", ".tif"),
        ("Tiff3DIO", ".tiff", ".tiff"),
    ],
)
def test_maps_have_the_ending_of_the_images_where_it_can_hold_fractions(reader, ending, of_maps):
    check_reader(plans(reader))
    assert map_ending(plans(reader), ending) == of_maps


def test_unknown_readers_are_refused():
    with pytest.raises(UserError, match="MyIO"):
        check_reader(plans("MyIO"))
