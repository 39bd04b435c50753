import numpy as np
import pytest

from nnunet_cscn.nifti.finite import are_finite, finite_voxels


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        (np.float64, [1, 3.4e38, 3.5e38, -1e300, np.nan], [True, True, False, False, False]),
        (np.float32, [1, 3.4e38, np.inf, -np.inf, np.nan], [True, True, False, False, False]),
        (np.float16, [1, 65504, np.inf, -65504, np.nan], [True, True, False, True, False]),
        (np.int64, [1, 2**62, -(2**62), 0, 3], [True] * 5),
    ],
)
def test_numbers_are_finite_if_32_bits_hold_them(kind, values, expected):
    assert are_finite(np.array(values, kind)).tolist() == expected


def test_numbers_beyond_32_bits_are_replaced_and_the_type_stays():
    found = finite_voxels(np.array([1, 1e39, -1e39, np.nan]), -5)
    assert found.tolist() == [1, -5, -5, -5]
    assert found.dtype == np.float64
