"""NIfTI headers whose sform and qform differ."""

import nibabel
import numpy as np
import pytest
import SimpleITK

from nnunet_cscn.nifti.grids import read_grid

AFFINE = np.diag([-1.1, -0.8, 3.0, 1.0])
AFFINE[:3, 3] = 20, -10, 35


def write(file, *, sform, qform, codes=(1, 1), shape=(5, 6, 7)):
    image = nibabel.Nifti1Image(np.zeros(shape, np.int16), sform)
    image.set_sform(sform, codes[0])
    image.set_qform(qform, codes[1])
    nibabel.save(image, file)
    return file


def moved(x_mm):
    affine = AFFINE.copy()
    affine[0, 3] += x_mm
    return affine


@pytest.mark.parametrize("shape", [(5, 6, 7), (5, 6, 1), (5, 6)])
def test_the_note_says_how_far_apart_they_are_and_which_one_is_used(tmp_path, shape):
    grid = read_grid(write(tmp_path / "a.nii.gz", sform=AFFINE, qform=moved(5), shape=shape))
    assert grid.notes == ("sform and qform of the header differ by up to 5 mm; the sform was used",)
    assert grid.origin_mm[:2] == (-20, 10)


def test_a_turn_moves_the_far_corner_most(tmp_path):
    turned = AFFINE.copy()
    turned[:2, :2] = [[0, 0.8], [-1.1, 0]]
    grid = read_grid(write(tmp_path / "a.nii", sform=AFFINE, qform=turned, shape=(1, 11, 1)))
    # the last voxel along y: 8 mm to the back (sform), 8 mm to the right (qform)
    assert f"{np.hypot(8, 8):.2g} mm" in grid.notes[0]


def test_the_note_names_the_geometry_whose_positions_count(tmp_path):
    grid = read_grid(write(tmp_path / "a.nii", sform=moved(5), qform=AFFINE, codes=(2, 1)))
    used = "qform" if grid.origin_mm[0] == -20 else "sform"  # which one ITK prefers depends on its version
    assert grid.notes == (f"sform and qform of the header differ by up to 5 mm; the {used} was used",)


@pytest.mark.parametrize(
    ("qform", "codes"),
    [(AFFINE, (1, 1)), (moved(0.05), (1, 1)), (moved(5), (1, 0)), (moved(5), (0, 1))],
    ids=["equal", "rounded", "no qform", "no sform"],
)
def test_without_a_difference_that_matters_there_is_no_note(tmp_path, qform, codes):
    assert read_grid(write(tmp_path / "a.nii.gz", sform=AFFINE, qform=qform, codes=codes)).notes == ()


def test_another_format_that_was_made_from_nifti_is_no_nifti(tmp_path):
    image = nibabel.Nifti1Image(np.zeros((4, 5, 6), np.uint8), np.diag([1.0, 1.0, 3.0, 1.0]))
    image.set_qform(image.affine, 1)
    image.set_sform(image.affine, 1)
    nibabel.save(image, tmp_path / "a.nii.gz")
    SimpleITK.WriteImage(SimpleITK.ReadImage(str(tmp_path / "a.nii.gz")), str(tmp_path / "a.nrrd"))
    assert read_grid(tmp_path / "a.nrrd") == read_grid(tmp_path / "a.nii.gz")
