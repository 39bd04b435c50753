import math

import pytest

from nnunet_cscn.stats.ranks import critical_difference, rank_methods


def test_ranks_are_shared_among_equals():
    ranking = rank_methods({"a": [1, 5, 2], "b": [2, 5, 2], "c": [3, 1, 2]}, higher_is_better=True)
    assert ranking.mean_ranks == pytest.approx({"b": (2 + 1.5 + 2) / 3, "c": (1 + 3 + 2) / 3, "a": (3 + 1.5 + 2) / 3})
    assert list(ranking.mean_ranks) == ["b", "c", "a"]


def test_lower_may_be_better():
    ranking = rank_methods({"a": [1.0, 2.0], "b": [3.0, 4.0]}, higher_is_better=False)
    assert ranking.mean_ranks == {"a": 1.0, "b": 2.0}


def test_friedman_by_hand():
    """Four cases, three methods, always in the same order: chi^2 = 8 with 2 degrees of freedom, p = exp(-4)."""
    ranking = rank_methods({"a": [1] * 4, "b": [2] * 4, "c": [3] * 4}, higher_is_better=True)
    assert ranking.friedman_p == pytest.approx(math.exp(-4))


def test_equal_methods_are_alike():
    ranking = rank_methods({"a": [1, 2], "b": [1, 2], "c": [1, 2]}, higher_is_better=True)
    assert ranking.friedman_p == 1
    assert ranking.groups == (("a", "b", "c"),)


@pytest.mark.parametrize(("n_methods", "q"), [(2, 1.960), (3, 2.343), (4, 2.569), (5, 2.728), (10, 3.164)])
def test_the_critical_difference_has_demsars_factors(n_methods, q):
    expected = q * math.sqrt(n_methods * (n_methods + 1) / (6 * 30))
    assert critical_difference(n_methods, 30) == pytest.approx(expected, abs=5e-4)


def test_groups_are_the_largest_sets_of_neighbours():
    values = {name: [float(rank)] * 40 for rank, name in enumerate("abcd")}
    values["b"] = [0.0, 1.0] * 20  # ties with a in half of the cases
    values["a"] = [0.0] * 40
    ranking = rank_methods(values, higher_is_better=False)
    assert ranking.groups == (("a", "b"),)


@pytest.mark.parametrize("values", [{"a": [1.0]}, {"a": [1.0], "b": [1.0, 2.0]}])
def test_two_methods_with_the_same_cases_are_needed(values):
    with pytest.raises(ValueError, match="two or more methods"):
        rank_methods(values, higher_is_better=True)


def test_too_few_cases_tell_nothing():
    ranking = rank_methods({"a": [1.0], "b": [2.0]}, higher_is_better=True)
    assert math.isnan(ranking.critical_difference)
    assert ranking.groups == (("b", "a"),)  # a single case tells nobody apart
