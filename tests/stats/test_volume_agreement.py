import math

import pytest

from nnunet_cscn.stats.volume_agreement import volume_agreement


def test_bias_and_limits_are_mean_and_1_96_sample_deviations():
    found = volume_agreement([12.0, 22.0, 31.0], [10.0, 20.0, 30.0])  # differences 2, 2, 1
    assert found.differences_ml == (2.0, 2.0, 1.0)
    assert found.means_ml == (11.0, 21.0, 30.5)
    assert found.bias_ml == pytest.approx(5 / 3)
    sd = math.sqrt(((1 / 3) ** 2 * 2 + (2 / 3) ** 2) / 2)
    assert (found.low_ml, found.high_ml) == pytest.approx((5 / 3 - 1.96 * sd, 5 / 3 + 1.96 * sd))


def test_one_case_has_a_bias_and_no_limits():
    found = volume_agreement([3.0], [1.0])
    assert found.bias_ml == 2.0
    assert math.isnan(found.low_ml)
    assert math.isnan(found.high_ml)


def test_no_case_has_neither():
    assert math.isnan(volume_agreement([], []).bias_ml)


def test_different_numbers_of_volumes_are_refused():
    with pytest.raises(ValueError, match="expected 2 values"):
        volume_agreement([1.0, 2.0], [1.0])
