import itertools

import numpy as np
import pytest
import SimpleITK

from nnunet_cscn.data.patient_axes import patient_axes
from nnunet_cscn.errors import UserError

ORIENTATIONS = ["".join(c) for axes in itertools.permutations(("RL", "AP", "SI")) for c in itertools.product(*axes)]


@pytest.mark.parametrize("code", ORIENTATIONS)
def test_every_orientation_is_read_off_its_code(code):
    image = SimpleITK.DICOMOrient(SimpleITK.Image(2, 3, 4, SimpleITK.sitkUInt8), code)
    in_memory = code[::-1]  # the file's x, y, z are the array's last, middle, first axis
    expected = tuple(next(i for i, letter in enumerate(in_memory) if letter in pair) for pair in ("RL", "AP", "SI"))
    properties = {"sitk_stuff": {"direction": image.GetDirection()}}
    assert patient_axes(properties, (0, 1, 2)) == expected
    order = (2, 0, 1)
    assert patient_axes(properties, order) == tuple(order.index(axis) for axis in expected)


def test_oblique_axes_are_shared_out():
    turn = np.deg2rad(44)
    direction = (np.cos(turn), 0, -np.sin(turn), 0, 1, 0, np.sin(turn), 0, np.cos(turn))
    assert patient_axes({"sitk_stuff": {"direction": direction}}, (0, 1, 2)) == (2, 1, 0)


def test_nibabels_affine_serves_too():
    affine = np.array([[0, 0, 3.0, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]])  # x y z run along A, S, R
    assert patient_axes({"nibabel_stuff": {"original_affine": affine}}, (0, 1, 2)) == (0, 2, 1)


def test_images_without_directions_are_refused():
    with pytest.raises(UserError, match="patient orientation"):
        patient_axes({"spacing": [1, 1, 1]}, (0, 1, 2))
