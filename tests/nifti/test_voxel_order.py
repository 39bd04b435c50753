import itertools

import numpy as np
import pytest
import SimpleITK

from nnunet_cscn.nifti.grids import grid_from_itk
from nnunet_cscn.nifti.voxel_order import in_order_of

VOXELS = np.arange(2 * 3 * 4, dtype=np.int16).reshape(2, 3, 4)


def oblique():
    image = SimpleITK.GetImageFromArray(VOXELS)
    image.SetSpacing((0.5, 0.6, 3.0))
    image.SetOrigin((10, -20, 30))
    image.SetDirection((0.8, -0.6, 0, 0.6, 0.8, 0, 0, 0, 1))
    return image


@pytest.mark.parametrize("axes", itertools.permutations(range(3)))
@pytest.mark.parametrize("flips", itertools.product([False, True], repeat=3))
def test_any_order_of_the_same_voxels_comes_back(axes, flips):
    """SimpleITK reorders independently."""
    image = oblique()
    other = SimpleITK.Flip(SimpleITK.PermuteAxes(image, axes), flips)
    turned = in_order_of(SimpleITK.GetArrayFromImage(other), grid_from_itk(other), grid_from_itk(image))
    assert np.array_equal(turned, VOXELS)


def test_voxels_elsewhere_are_told():
    image, other = oblique(), oblique()
    other.SetOrigin((10, -20, 31))
    assert in_order_of(VOXELS, grid_from_itk(other), grid_from_itk(image)) is None
    other = SimpleITK.Flip(oblique(), (True, False, False))
    other.SetSpacing((0.5, 0.6, 2.5))
    assert in_order_of(VOXELS, grid_from_itk(other), grid_from_itk(image)) is None
    turned = oblique()
    turned.SetDirection((1, 0, 0, 0, 1, 0, 0, 0, 1))
    assert in_order_of(VOXELS, grid_from_itk(turned), grid_from_itk(image)) is None
