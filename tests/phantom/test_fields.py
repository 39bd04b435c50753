import numpy as np
import pytest

from nnunet_cscn.phantom.fields import smooth_field
from nnunet_cscn.phantom.grid import Grid

GRID = Grid((20, 60, 60), (3.0, 0.6, 0.6))


def test_a_field_has_mean_0_and_variance_1():
    fields = [smooth_field(np.random.default_rng(k), GRID, length_mm=4.0) for k in range(20)]
    assert np.mean(fields) == pytest.approx(0.0, abs=0.1)
    assert np.var(fields) == pytest.approx(1.0, abs=0.1)


def test_a_longer_length_gives_a_smoother_field():
    steps = [
        np.abs(np.diff(smooth_field(np.random.default_rng(0), GRID, length_mm=length), axis=2)).mean()
        for length in (2.0, 8.0)
    ]
    assert steps[0] > 3 * steps[1]


def test_the_length_may_differ_by_axis():
    field = smooth_field(np.random.default_rng(0), GRID, length_mm=(30.0, 10.0, 1.0))
    assert np.abs(np.diff(field, axis=2)).mean() > 3 * np.abs(np.diff(field, axis=1)).mean()


def test_values_come_in_steps_that_hide_how_a_matrix_product_rounds():
    field = smooth_field(np.random.default_rng(0), GRID, length_mm=4.0).astype(np.float64)
    np.testing.assert_array_equal(field * 4096, np.rint(field * 4096))
