import numpy as np
import pytest

from nnunet_cscn.conversion.image_values import finite_image
from nnunet_cscn.errors import UserError


def test_finite_images_and_integers_are_the_same_again():
    for voxels in (np.arange(3), np.arange(3.0)):
        found, note = finite_image(voxels, "T1")
        assert found is voxels
        assert note == ""


def test_a_value_that_is_no_finite_number_is_refused_by_name_and_number():
    with pytest.raises(UserError, match=r"T1: 2 voxels are NaN or infinite.*nan=0"):
        finite_image(np.array([np.nan, 1, np.inf]), "T1")


def test_it_is_replaced_on_request_with_a_note_and_the_type_stays():
    found, note = finite_image(np.array([np.nan, 1, -np.inf], np.float32), "CT", nan=-1000)
    assert found.tolist() == [-1000, 1, -1000]
    assert found.dtype == np.float32
    assert note == "2 voxels of CT were NaN or infinite, or beyond the range of float32 (3.4e38), and became -1000"


def test_numbers_that_nnunet_would_read_as_infinite_are_refused_or_replaced():
    voxels = np.array([1, 1e39, -1e300])
    with pytest.raises(UserError, match=r"T1: 2 voxels are .*beyond the range of float32 \(3\.4e38\): correct"):
        finite_image(voxels, "T1")
    assert finite_image(voxels, "T1", nan=0)[0].tolist() == [1, 0, 0]
