import numpy as np
import pytest

from nnunet_cscn.conversion.label_values import as_labels, as_mask, unchanged, whole_numbers
from nnunet_cscn.errors import UserError


def floats(*values):
    return np.array(values, np.float32)


@pytest.mark.parametrize("values", [(0, 1), (0.0, 1.0), (0, 255), (0.0, 0.99999), (-1, 1), (0.0, 0.5)])
def test_two_values_of_any_type_are_background_and_foreground(values):
    low, high = values
    mask, notes = as_mask(np.array([low, high, high]))
    assert mask.tolist() == [False, True, True]
    assert notes == []


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.float32, np.float64])
def test_a_label_map_is_no_mask_whatever_its_type(kind):
    with pytest.raises(UserError, match=r"GTVp has the values 0, 1, 2;.*label map"):
        as_mask(np.array([0, 1, 1, 2], kind), "GTVp")


def test_a_label_map_with_scaled_values_is_no_mask():
    with pytest.raises(UserError, match="label map"):
        as_mask(floats(0, 1.00002, 2))


def test_an_interpolated_label_map_is_no_mask():
    with pytest.raises(UserError, match="interpolated label map"):
        as_mask(floats(0, 0.5, 1, 1.5, 2))


@pytest.mark.parametrize("top", [1, 255])
def test_of_shares_what_exceeds_a_half_is_foreground_and_is_noted(top):
    mask, notes = as_mask(top * floats(0, 0.25, 0.5, 0.75, 1), "GTVp")
    assert mask.tolist() == [False, False, False, True, True]
    assert "3 voxels of GTVp" in notes[0]


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ((0.3, 0.8), "0.3, 0.8"),
        ((0.5, 0.5), "0.5"),
        ((0, 0.3, 0.45), "0.3, 0.45"),
        ((0.01, 0.4, 0.6, 0.99), "0.01, 0.4, 0.6, 0.99"),
        ((0.02, 1), "0.02, 1"),
    ],
)
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_a_map_of_probabilities_is_no_mask(values, shown, kind):
    with pytest.raises(UserError, match=rf"^GTVp contains {shown}; expected two whole numbers.* exceeds 0\.5"):
        as_mask(np.array(values, kind), "GTVp")


@pytest.mark.parametrize("top", [0.8, 0.919, 0.999, 1])
def test_of_fractions_that_do_not_reach_1_those_above_a_half_count(top):
    mask, notes = as_mask(floats(0, 0.3, 0.45, top), "GTVp")
    assert mask.tolist() == [False, False, False, True]
    assert notes == [f"2 voxels of GTVp between 0 and {top:g}: foreground is what exceeds 0.5"]


def test_values_below_0_are_those_of_an_interpolated_label_map():
    with pytest.raises(UserError, match="resample it with the nearest neighbour"):
        as_mask(floats(-0.02, 0, 0.5, 1.02), "GTVp")


def test_unclean_values_near_both_ends_are_a_mask():
    mask, notes = as_mask(floats(0, 0.004, 7.98, 8.001))
    assert mask.tolist() == [False, False, True, True]
    assert len(notes) == 1


@pytest.mark.parametrize(("value", "is_foreground"), [(0, False), (1, True), (1e-4, False)])
def test_a_single_value_is_all_or_nothing(value, is_foreground):
    assert as_mask(floats(value, value))[0].tolist() == [is_foreground] * 2


@pytest.mark.parametrize("odd", [np.nan, np.inf])
def test_values_that_are_no_finite_numbers_are_background_only_on_request(odd):
    with pytest.raises(UserError, match="finite"):
        as_mask(floats(odd, 1))
    mask, notes = as_mask(floats(odd, 1), nan_as_background=True)
    assert mask.tolist() == [False, True]
    assert "1 voxel" in notes[0]
    with pytest.raises(UserError, match="1 voxel"):
        whole_numbers(floats(odd, 1), "the label map")
    assert whole_numbers(floats(odd, 1), "the label map", nan_as_background=True)[0].tolist() == [0, 1]


def test_values_up_to_a_thousandth_off_are_rounded_with_a_note():
    values, notes = whole_numbers(floats(0, 0.9995, 2.001, 3), "the label map")
    assert values.tolist() == [0, 1, 2, 3]
    assert "2 voxels of the label map with values such as 0.9995" in notes[0]


@pytest.mark.parametrize(("value", "digits"), [(1.002, "1.002"), (0.5, "0.5")])
def test_values_that_are_farther_off_are_shown_with_their_digits(value, digits):
    with pytest.raises(UserError, match=digits):
        whole_numbers(floats(0, value), "the label map")


@pytest.mark.parametrize("value", [2.0**33, -(2.0**33)])  # 8589934592
def test_values_that_no_label_can_have_are_refused(value):
    with pytest.raises(UserError, match=r"values of up to 8\.58993459e\+09; expected labels of up to 4294967295"):
        whole_numbers(np.array([0, value]), "the label map")


def test_any_values_become_those_of_the_data_set():
    labels, _ = as_labels(np.array([0, 205, -3, 420]), {0: 0, 205: 1, 420: 2, -3: 3}, "the label map")
    assert labels.tolist() == [0, 1, 3, 2]
    assert labels.dtype == np.uint8


def test_values_that_exchange_places_do_not_get_mixed_up():
    assert as_labels(np.array([1, 2]), {0: 0, 1: 2, 2: 1}, "x")[0].tolist() == [2, 1]


def test_other_values_are_named():
    with pytest.raises(UserError, match="the label map contains 4; expected only 0, 1"):
        as_labels(np.array([0, 1, 4]), unchanged((0, 1)), "the label map")
