import itertools

import numpy as np
import pytest
from scipy import stats

from nnunet_cscn.stats.clustered import bootstrap_estimate, f1_of_means, mean_statistic, paired_permutation_test

ALONE = [f"patient_{i}" for i in range(30)]


@pytest.fixture
def values():
    return np.random.default_rng(3).normal(0.7, 0.1, (30, 1))


def test_the_interval_of_a_mean_is_scipys(values):
    found = bootstrap_estimate(values, ALONE, mean_statistic)
    expected = stats.bootstrap((values[:, 0],), np.mean, n_resamples=20_000, method="percentile", rng=0)
    assert found.value == pytest.approx(values.mean())
    assert found.low == pytest.approx(expected.confidence_interval.low, abs=0.003)
    assert found.high == pytest.approx(expected.confidence_interval.high, abs=0.003)


def test_cases_of_a_patient_are_drawn_together(values):
    doubled = np.repeat(values, 4, axis=0)
    together = bootstrap_estimate(doubled, np.repeat(ALONE, 4).tolist(), mean_statistic)
    once = bootstrap_estimate(values, ALONE, mean_statistic)
    as_if_alone = bootstrap_estimate(doubled, [str(i) for i in range(120)], mean_statistic)
    assert together == once
    assert as_if_alone.high - as_if_alone.low == pytest.approx((once.high - once.low) / 2, rel=0.1)


def test_patients_with_more_cases_weigh_more():
    columns = np.array([[1.0], [0.0], [0.0], [0.0]])
    assert bootstrap_estimate(columns, ["a", "b", "b", "b"], mean_statistic).value == 0.25


def test_f1_is_that_of_the_means():
    columns = np.array([[1.0, 0.2], [0.5, 1.0]])  # precision 0.75, recall 0.6 in the mean
    assert bootstrap_estimate(columns, ["a", "b"], f1_of_means).value == pytest.approx(2 * 0.75 * 0.6 / 1.35)


def test_the_same_seed_gives_the_same(values):
    assert bootstrap_estimate(values, ALONE, mean_statistic, seed=1) == bootstrap_estimate(
        values, ALONE, mean_statistic, seed=1
    )
    assert bootstrap_estimate(values, ALONE, mean_statistic, seed=1) != bootstrap_estimate(
        values, ALONE, mean_statistic, seed=2
    )


def test_all_swaps_of_few_patients_are_those_of_scipy():
    random = np.random.default_rng(0)
    first, second = random.normal(0.7, 0.1, (9, 1)), random.normal(0.65, 0.1, (9, 1))
    expected = stats.permutation_test(
        (first[:, 0], second[:, 0]),
        lambda a, b, axis: np.mean(a - b, axis=axis),
        permutation_type="samples",
        n_resamples=np.inf,
        vectorized=True,
    )
    assert paired_permutation_test(first, second, ALONE[:9], mean_statistic) == pytest.approx(expected.pvalue)


def test_many_patients_give_nearly_what_the_t_test_gives(values):
    other = values + np.random.default_rng(5).normal(0.03, 0.1, values.shape)
    expected = stats.ttest_rel(values[:, 0], other[:, 0]).pvalue
    assert paired_permutation_test(values, other, ALONE, mean_statistic) == pytest.approx(expected, abs=0.02)


def test_f1_is_swapped_patient_by_patient():
    random = np.random.default_rng(1)
    first, second = random.random((6, 2)), random.random((6, 2))
    patients = ["a", "a", "b", "b", "c", "c"]

    def f1(columns):
        precision, recall = columns.mean(axis=0)
        return 2 * precision * recall / (precision + recall)

    found = abs(f1(first) - f1(second))
    larger = []
    for swaps in itertools.product((False, True), repeat=3):
        is_swapped = np.repeat(swaps, 2)[:, None]
        one, two = np.where(is_swapped, second, first), np.where(is_swapped, first, second)
        larger.append(abs(f1(one) - f1(two)) >= found - 1e-12)
    assert paired_permutation_test(first, second, patients, f1_of_means) == pytest.approx(np.mean(larger))


def test_equal_methods_are_not_told_apart(values):
    assert paired_permutation_test(values, values, ALONE, mean_statistic) == 1.0
