from types import SimpleNamespace

import numpy as np

from nnunet_cscn.prediction.native_grid import to_native_grid


def test_cropping_and_transposition_are_undone():
    """By hand: nnU-Net put axes (z, y, x) in the order (y, z, x) and cropped (4, 5, 6) to a box of (2, 1, 3)."""
    asked = []

    def resample(values, shape, spacing, native_spacing):
        asked.append((values.shape, tuple(shape), spacing, native_spacing))
        return np.repeat(values, 2, axis=1)

    properties = {
        "spacing": [3.0, 1.0, 2.0],
        "shape_before_cropping": (4, 5, 6),
        "shape_after_cropping_and_before_resampling": (2, 1, 3),
        "bbox_used_for_cropping": [[1, 3], [4, 5], [2, 5]],
    }
    plans = SimpleNamespace(transpose_forward=[1, 0, 2], transpose_backward=[1, 0, 2])
    configuration = SimpleNamespace(spacing=[2.0, 3.0, 2.0], resampling_fn_probabilities=resample)
    values = np.array([[[0.1, 0.2, 0.3]]], dtype=np.float32)
    native = to_native_grid(values, properties, plans, configuration)
    assert asked == [((1, 1, 1, 3), (2, 1, 3), [2.0, 3.0, 2.0], [1.0, 3.0, 2.0])]
    expected = np.zeros((5, 4, 6), dtype=np.float32)
    expected[4, 1:3, 2:5] = [0.1, 0.2, 0.3]
    np.testing.assert_array_equal(native, expected)


def test_a_2d_plan_keeps_its_slices():
    spacings = []

    def resample(values, _shape, spacing, _native_spacing):
        spacings.append(spacing)
        return values

    properties = {
        "spacing": [3.0, 1.0, 2.0],
        "shape_before_cropping": (1, 1, 1),
        "shape_after_cropping_and_before_resampling": (1, 1, 1),
        "bbox_used_for_cropping": [[0, 1], [0, 1], [0, 1]],
    }
    plans = SimpleNamespace(transpose_forward=[0, 1, 2], transpose_backward=[0, 1, 2])
    configuration = SimpleNamespace(spacing=[0.5, 0.5], resampling_fn_probabilities=resample)
    to_native_grid(np.zeros((1, 1, 1), dtype=np.float32), properties, plans, configuration)
    assert spacings == [[3.0, 0.5, 0.5]]
