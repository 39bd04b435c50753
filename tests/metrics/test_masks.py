import numpy as np
import pytest

from nnunet_cscn.metrics.masks import (
    bounding_box,
    checked_mask,
    checked_pair,
    checked_spacing,
    common_bounding_box,
    grow_box,
)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int16, np.int64, np.float32, np.float64])
def test_zeros_and_ones_of_any_number_type_are_a_mask(dtype):
    mask = checked_mask("prediction", np.array([[[0, 1, 1]]], dtype=dtype))
    assert mask.dtype == bool
    assert mask.tolist() == [[[False, True, True]]]


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_other_values_are_refused_by_name(dtype):
    with pytest.raises(ValueError, match=r"^reference: .*binary.* 2"):
        checked_mask("reference", np.array([[[0, 1, 2]]], dtype=dtype))


@pytest.mark.parametrize("odd", [-1.0, 0.5, float("nan"), float("inf")])
def test_negative_fractional_and_not_finite_values_are_refused(odd):
    with pytest.raises(ValueError, match="binary mask"):
        checked_mask("prediction", np.array([[[0.0, odd]]]))


def test_text_and_complex_numbers_are_refused():
    for values in ([[["0", "1"]]], [[[0j, 1j]]]):
        with pytest.raises(ValueError, match=r"^prediction: .*binary"):
            checked_mask("prediction", values)


@pytest.mark.parametrize("shape", [(), (4,), (4, 4), (1, 4, 4, 4)])
def test_other_than_three_dimensions_are_refused(shape):
    with pytest.raises(ValueError, match=r"^prediction: .*dimensions"):
        checked_pair(np.zeros(shape), np.zeros(shape), None)


def test_shapes_that_would_broadcast_are_refused():
    with pytest.raises(ValueError, match=r"shape \(4, 4, 1\), got \(4, 4, 4\)"):
        checked_pair(np.ones((4, 4, 4)), np.ones((4, 4, 1)), None)


def test_ignored_voxels_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"^ignored: .*shape"):
        checked_pair(np.ones((2, 2, 2)), np.ones((2, 2, 2)), np.ones((2, 2, 1)))


def test_ignored_voxels_leave_both_masks():
    first, second = checked_pair([[[1, 1, 0]]], [[[1, 0, 1]]], [[[1, 0, 0]]])
    assert first.tolist() == [[[False, True, False]]]
    assert second.tolist() == [[[False, False, True]]]


@pytest.mark.parametrize(
    "spacing_mm", [(1, 1), (1, 1, 1, 1), (1, 0, 1), (1, -1, 1), (1, float("nan"), 1), (1, float("inf"), 1), None, "abc"]
)
def test_a_spacing_that_is_not_three_positive_numbers_is_refused(spacing_mm):
    with pytest.raises(ValueError, match=r"^spacing_mm: "):
        checked_spacing(spacing_mm)


def test_the_box_holds_every_voxel_and_no_more():
    volume = np.zeros((7, 8, 9), dtype=np.uint8)
    volume[2, 3, 4] = volume[5, 1, 4] = 3
    assert bounding_box(volume) == (slice(2, 6), slice(1, 4), slice(4, 5))
    assert bounding_box(volume.astype(bool).transpose(2, 0, 1)) == (slice(4, 5), slice(2, 6), slice(1, 4))


def test_an_empty_volume_has_no_box():
    assert bounding_box(np.zeros((2, 3, 4), dtype=bool)) is None


def test_a_box_grows_no_further_than_the_array():
    assert grow_box((slice(0, 2), slice(1, 2), slice(3, 4)), (3, 3, 4)) == (slice(0, 3), slice(0, 3), slice(2, 4))


def test_the_common_box_holds_all_masks_and_empty_ones_do_not_count():
    first, second, nothing = (np.zeros((5, 6, 7), dtype=bool) for _ in range(3))
    first[1, 2, 3] = second[3, 1, 6] = True
    assert common_bounding_box(first, nothing, second) == (slice(1, 4), slice(1, 3), slice(3, 7))
    assert common_bounding_box(nothing, nothing) is None
