"""Inputs as people have them, each with the result that is right."""

import gzip
import json

import nibabel
import numpy as np
import pytest

from nnunet_cscn.nifti.grids import read_grid
from nnunet_cscn.nifti.voxels import read_voxels
from nnunet_cscn.workflows.convert_nifti import convert_nifti

AFFINE = np.diag([-1.1, -0.8, 3.0, 1.0])
AFFINE[:3, 3] = (20, -10, 35)
IMAGE = np.random.default_rng(0).integers(0, 900, (12, 11, 8)).astype(np.int16)  # x, y, z, as nibabel has it
GTVP = np.zeros(IMAGE.shape, np.uint8)
GTVP[2:6, 2:7, 1:5] = 1  # 80 voxels
BOTH = GTVP.copy()
BOTH[8:10, 7:10, 2:4] = 2  # 12 voxels
IMAGES = {"T1": "img/{case}.nii.gz"}
MAPS = "lab/{case}.nii.gz"
LABELS = {"GTVp": 1, "GTVn": 2}


@pytest.fixture
def put(tmp_path):
    def write(folder, voxels, affine=AFFINE, case="c1", **options):
        file = tmp_path / "source" / folder / f"{case}.nii.gz"
        file.parent.mkdir(parents=True, exist_ok=True)
        image = nibabel.Nifti1Image(voxels, affine, **options)
        image.set_sform(affine, 1)
        image.set_qform(None, 0)
        nibabel.save(image, file)
        return file

    return write


@pytest.fixture
def convert(tmp_path):
    def run(**options):
        return convert_nifti(tmp_path / "source", tmp_path / "raw", dataset_id=960, workers=1, **options)

    return run


def counts(result, case="c1"):
    values, numbers = np.unique(read_voxels(result.folder / "labelsTr" / f"{case}.nii.gz"), return_counts=True)
    return dict(zip(values.tolist(), numbers.tolist(), strict=True))


RIGHT = {0: IMAGE.size - 92, 1: 80, 2: 12}


def test_labels_in_another_order_of_the_axes_are_the_same(put, convert):
    put("img", IMAGE)
    put("lab", BOTH[::-1, ::-1], AFFINE @ [[-1, 0, 0, 11], [0, -1, 0, 10], [0, 0, 1, 0], [0, 0, 0, 1]])
    result = convert(images=IMAGES, label_maps=MAPS, labels=LABELS)
    assert result.problems == {}
    written = read_voxels(result.folder / "labelsTr" / "c1.nii.gz").transpose(2, 1, 0)
    assert np.array_equal(written, BOTH)


def test_an_origin_a_few_thousandths_off_is_the_same_grid(put, convert):
    put("img", IMAGE)
    moved = AFFINE.copy()
    moved[:3, 3] += 0.004
    put("lab", BOTH, moved)
    assert counts(convert(images=IMAGES, label_maps=MAPS, labels=LABELS)) == RIGHT


def test_an_origin_further_off_is_another_grid(put, convert):
    put("img", IMAGE)
    moved = AFFINE.copy()
    moved[0, 3] += 0.02
    put("lab", BOTH, moved)
    assert "resample=True" in convert(images=IMAGES, label_maps=MAPS, labels=LABELS).problems["c1"]


def test_almost_whole_labels_are_rounded_and_noted(put, convert):
    put("img", IMAGE)
    values = BOTH.astype(np.float32)
    values[BOTH == 1], values[BOTH == 2] = 0.99999, 2.00001
    put("lab", values)
    result = convert(images=IMAGES, label_maps=MAPS, labels=LABELS)
    assert counts(result) == RIGHT
    assert "92 voxels of the label map" in result.converted["c1"].notes[0]


@pytest.mark.parametrize("source", [{"GTVp": 1, "GTVn": 4}, {"GTVp": 205, "GTVn": 420}, {"GTVp": 7, "GTVn": -1}])
def test_any_label_values_become_one_and_two(put, convert, source):
    put("img", IMAGE)
    values = np.zeros(BOTH.shape, np.int16)
    values[BOTH == 1], values[BOTH == 2] = source.values()
    put("lab", values)
    result = convert(images=IMAGES, label_maps=MAPS, labels=source)
    assert counts(result) == RIGHT
    description = json.loads((result.folder / "dataset.json").read_text(encoding="utf-8"))
    assert description["labels"] == {"background": 0, "GTVp": 1, "GTVn": 2}
    assert f"GTVn={source['GTVn']}" in description["description"]


def test_a_missing_mask_is_a_case_without_that_label_where_it_is_optional(put, convert):
    for case in ("c1", "c2"):
        put("img", IMAGE, case=case)
        put("p", GTVP, case=case)
    put("n", (BOTH == 2).astype(np.uint8))
    masks = {"GTVp": "p/{case}.nii.gz", "GTVn": "n/{case}.nii.gz"}
    result = convert(images=IMAGES, masks=masks)
    assert list(result.converted) == ["c1"]
    assert "optional=GTVn" in result.problems["c2"]
    result = convert(images=IMAGES, masks=masks, optional=["GTVn"])
    assert counts(result) == RIGHT
    assert counts(result, "c2") == {0: IMAGE.size - 80, 1: 80}
    assert result.converted["c2"].notes == ("GTVn: no file, so the case has none",)
    assert "no file" in result.report.read_text(encoding="utf-8")


def test_a_label_without_a_voxel_is_noted(put, convert):
    put("img", IMAGE)
    put("lab", GTVP)
    result = convert(images=IMAGES, label_maps=MAPS, labels=LABELS)
    assert result.converted["c1"].notes == ("GTVn has no voxels",)


def test_masks_that_hide_others_wholly_are_refused_and_partly_noted(put, convert):
    put("img", IMAGE)
    put("p", GTVP)
    put("all", np.ones_like(GTVP))
    shifted = np.zeros_like(GTVP)
    shifted[4:8, 2:7, 1:5] = 1  # 40 of the 80 voxels are shared
    put("n", shifted)
    result = convert(images=IMAGES, masks={"GTVp": "p/{case}.nii.gz", "CTV": "all/{case}.nii.gz"})
    assert "GTVp is completely covered" in result.problems["c1"]
    result = convert(images=IMAGES, masks={"GTVp": "p/{case}.nii.gz", "GTVn": "n/{case}.nii.gz"})
    assert counts(result) == {0: IMAGE.size - 120, 1: 40, 2: 80}
    assert result.converted["c1"].notes == ("40 voxels of GTVp lie under labels that come after it",)


def test_fractions_without_a_background_are_no_mask(put, convert):
    put("img", IMAGE)
    shares = np.where(GTVP > 0, 0.8, 0.3).astype(np.float32)
    put("p", shares)
    problem = convert(images=IMAGES, masks={"GTVp": "p/{case}.nii.gz"}).problems["c1"]
    assert problem.startswith("c1.nii.gz: GTVp contains 0.3, 0.8; expected two whole numbers")


def test_a_label_map_of_floats_is_no_mask(put, convert):
    put("img", IMAGE)
    put("lab", BOTH.astype(np.float32))
    assert "label map" in convert(images=IMAGES, masks={"GTVp": MAPS}).problems["c1"]


def test_not_a_number_in_an_image_is_refused_or_replaced(put, convert):
    voxels = IMAGE.astype(np.float32)
    voxels[:3] = np.nan
    put("img", voxels)
    put("lab", BOTH)
    maps = {"images": IMAGES, "label_maps": MAPS, "labels": LABELS}
    assert f"T1: {3 * 11 * 8} voxels are NaN" in convert(**maps).problems["c1"]
    result = convert(**maps, nan=0)
    assert (read_voxels(result.folder / "imagesTr" / "c1_0000.nii.gz")[:, :, :3] == 0).all()
    assert "became 0" in result.converted["c1"].notes[0]


def test_a_background_that_is_no_number_is_refused_or_becomes_background(put, convert):
    put("img", IMAGE)
    put("lab", np.where(BOTH > 0, BOTH, np.nan).astype(np.float32))
    maps = {"images": IMAGES, "label_maps": MAPS, "labels": LABELS}
    assert "nan" in convert(**maps).problems["c1"]
    assert counts(convert(**maps, nan=0)) == RIGHT


@pytest.mark.parametrize(("tangent", "is_read"), [(5e-4, True), (5e-3, False)])
def test_a_small_shear_gives_the_nearest_perpendicular_grid(put, convert, tangent, is_read):
    sheared = AFFINE.copy()
    sheared[0, 1] = 0.8 * tangent
    put("img", IMAGE, sheared)
    put("lab", BOTH, sheared)
    result = convert(images=IMAGES, label_maps=MAPS, labels=LABELS)
    if not is_read:
        assert "sheared by 0.29 degrees" in result.problems["c1"]
        assert "resample" in result.problems["c1"].lower()
        return
    assert counts(result) == RIGHT
    assert "sheared by 0.029 degrees" in result.converted["c1"].notes[0]
    grid = read_grid(result.folder / "imagesTr" / "c1_0000.nii.gz")
    assert grid.spacing_mm == pytest.approx((1.1, 0.8, 3.0), abs=1e-5)
    assert grid.origin_mm == pytest.approx((-20, 10, 35), abs=1e-4)


def test_scaled_labels_files_of_four_dimensions_and_of_wide_numbers_are_read(put, convert):
    header = nibabel.Nifti1Header()
    header.set_data_dtype(np.int16)
    put("img", IMAGE.astype(np.float64)[..., None])
    put("lab", BOTH.astype(np.float64)[..., None], header=header)  # stored with a slope
    assert counts(convert(images=IMAGES, label_maps=MAPS, labels=LABELS)) == RIGHT


def test_capital_endings_and_files_that_are_not_packed_are_read(put, convert, tmp_path):
    file = put("img", IMAGE)
    file.write_bytes(gzip.decompress(file.read_bytes()))
    file.rename(tmp_path / "source" / "img" / "c1.NII.GZ")
    put("lab", BOTH)
    assert counts(convert(images={"T1": "img/{case}.NII.GZ"}, label_maps=MAPS, labels=LABELS)) == RIGHT


def test_coloured_labels_are_refused(put, convert):
    colours = np.zeros(IMAGE.shape, dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    put("img", IMAGE)
    put("lab", colours)
    assert "one value per voxel" in convert(images=IMAGES, label_maps=MAPS, labels=LABELS).problems["c1"]
