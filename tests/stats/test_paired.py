import itertools
import math

import numpy as np
import pytest

from nnunet_cscn.stats.paired import FEWEST_CASES, bootstrap_interval, compare_paired, holm


def exact_p(differences):
    """Two-sided p of the signed-rank test from all patterns of signs; no ties, no zeros."""
    ranks = [sorted(map(abs, differences)).index(abs(d)) + 1 for d in differences]
    observed = sum(r for r, d in zip(ranks, differences, strict=True) if d > 0)
    sums = [sum(itertools.compress(ranks, signs)) for signs in itertools.product((0, 1), repeat=len(ranks))]
    below, above = (sum(s <= observed for s in sums), sum(s >= observed for s in sums))
    return min(1.0, 2 * min(below, above) / len(sums))


@pytest.mark.parametrize(
    "differences",
    [[1, 2, 3, 4, 5, 6], [1, -2, 3, 4, -5, 6, 7], [-1, -2, -3, 4], [0.5, -1.5, 2.5, -3.5, 4.5]],
)
def test_p_is_that_of_all_patterns_of_signs(differences):
    found = compare_paired(differences, [0.0] * len(differences))
    assert found.p == pytest.approx(exact_p(differences))


def test_the_effect_is_the_share_of_ranks():
    found = compare_paired([3.0, 0.0, 5.0, 1.0], [1.0, 1.0, 1.0, 1.0])  # differences 2, -1, 4, 0: ranks 2, 1, 3
    assert found.effect == pytest.approx((2 + 3 - 1) / 6)
    assert (found.n_larger, found.n_equal, found.n_smaller) == (2, 1, 1)
    assert found.difference == 1.25


def test_swapping_the_methods_turns_everything_round():
    random = np.random.default_rng(0)
    first, second = random.random((2, 30))
    there, back = compare_paired(first, second), compare_paired(second, first)
    assert there.p == back.p
    assert there.effect == -back.effect
    assert there.difference == pytest.approx(-back.difference)
    assert (there.n_larger, there.n_smaller) == (back.n_smaller, back.n_larger)


def test_equal_methods_do_not_differ():
    found = compare_paired([0.1, 0.2, 0.1 + 0.2], [0.1, 0.2, 0.3])  # 0.1 + 0.2 is not 0.3 to a computer
    assert (found.p, found.effect, found.difference, found.low, found.high) == (1.0, 0.0, 0.0, 0.0, 0.0)
    assert found.n_equal == 3


def test_no_case_gives_nothing():
    found = compare_paired([], [])
    assert found.n == 0
    assert math.isnan(found.p)


def test_the_interval_is_that_of_the_normal_distribution_for_many_cases():
    values = np.random.default_rng(1).normal(0.3, 1.0, 2000)
    low, high = bootstrap_interval(values, seed=2)
    half = 1.96 * values.std() / math.sqrt(values.size)
    assert low == pytest.approx(values.mean() - half, abs=0.003)
    assert high == pytest.approx(values.mean() + half, abs=0.003)


def test_the_interval_follows_its_seed():
    values = np.random.default_rng(0).random(10)
    assert bootstrap_interval(values, seed=3) == bootstrap_interval(values, seed=3)
    assert bootstrap_interval(values, seed=3) != bootstrap_interval(values, seed=4)


@pytest.mark.parametrize(("first", "second"), [([1.0], [1.0, 2.0]), ([math.nan], [1.0]), ([1.0], [math.inf])])
def test_values_have_to_be_finite_and_paired(first, second):
    with pytest.raises(ValueError, match="expected"):
        compare_paired(first, second)


def test_holm_by_hand():
    assert holm([0.01, 0.02, 0.03, 0.005]) == [0.03, 0.04, 0.04, 0.02]
    assert holm([0.6, 0.5]) == [1.0, 1.0]
    assert holm([]) == []


def test_holm_passes_over_what_is_undefined():
    adjusted = holm([0.02, math.nan, 0.04])
    assert adjusted[0] == 0.04
    assert math.isnan(adjusted[1])
    assert adjusted[2] == 0.04


def test_a_single_case_has_no_interval():
    found = compare_paired([0.8], [0.6])
    assert found.difference == pytest.approx(0.2)
    assert math.isnan(found.low)
    assert math.isnan(found.high)


def test_six_cases_are_the_fewest_that_can_reach_five_per_cent():
    """All differences of one sign: the two-sided p of n cases is 2 / 2^n."""
    for n_cases in (FEWEST_CASES - 1, FEWEST_CASES):
        found = compare_paired(np.arange(1.0, n_cases + 1), np.zeros(n_cases))
        assert found.p == pytest.approx(2 / 2**n_cases)
        assert (found.p < 0.05) is (n_cases == FEWEST_CASES)
