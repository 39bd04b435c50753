import math

import numpy as np
import pytest

from nnunet_cscn.stats.held_out import held_out_gain, random_folds


def test_no_case_takes_part_in_the_choice_by_which_it_is_measured():
    """By hand: without case 0, choice 0 is best in both others; without 1 or 2, choice 1 seems best and loses."""
    values = [[0.5, 0.5, 0.5], [0.8, 0.4, 0.4]]
    found = held_out_gain(values, [0, 1, 2])
    assert found.chosen == 1
    assert (found.before, found.after) == pytest.approx((0.5, 1.6 / 3))
    assert found.gain == pytest.approx((0 - 0.1 - 0.1) / 3)


def test_choosing_among_noise_gains_nothing_in_held_out_cases():
    random = np.random.default_rng(0)
    optimistic, held_out = [], []
    for _ in range(200):
        values = np.vstack([np.full(30, 0.5), 0.5 + random.normal(0, 0.1, (20, 30))])
        found = held_out_gain(values, random_folds(30))
        optimistic.append(found.after - found.before)
        held_out.append(found.gain)
    assert np.mean(optimistic) > 0.02
    assert abs(np.mean(held_out)) < 0.005


def test_the_first_of_equal_choices_wins():
    assert held_out_gain([[0.5, 0.5], [0.5, 0.5]], [0, 1]).chosen == 0


def test_one_fold_has_no_held_out_cases():
    found = held_out_gain([[0.5], [0.6]], [0])
    assert found.chosen == 1
    assert math.isnan(found.gain)


@pytest.mark.parametrize("values", [[[0.5, math.nan]], [[0.5]], [0.5, 0.6]])
def test_values_that_do_not_fit_are_refused(values):
    with pytest.raises(ValueError, match="values"):
        held_out_gain(values, [0, 1])


def test_folds_share_the_cases():
    folds = random_folds(23)
    assert sorted(folds.count(fold) for fold in range(5)) == [4, 4, 5, 5, 5]
    assert folds == random_folds(23)
    assert random_folds(4) == [0, 1, 2, 3]
