import math

import numpy as np
import pytest

from nnunet_cscn.evaluation.aggregate import aggregate
from nnunet_cscn.metrics.overlap import OverlapCounts
from nnunet_cscn.metrics.scores import LabelScores


def scored(true_positive, false_positive, false_negative, assd_mm):
    return LabelScores(OverlapCounts(true_positive, false_positive, false_negative), assd_mm, assd_mm)


SMALL = scored(10, 0, 10, 2.0)  # DSC 20 / 30, precision 1, recall 1 / 2
LARGE = scored(300, 100, 0, 1.0)  # DSC 600 / 700, precision 3 / 4, recall 1
MISSED = scored(0, 0, 50, math.inf)
INVENTED = scored(0, 40, 0, math.inf)
EMPTY = LabelScores()


def test_the_three_overlaps_of_two_cases():
    together = aggregate([SMALL, LARGE])
    assert together.dsc_mean == pytest.approx((2 / 3 + 6 / 7) / 2, abs=1e-15)
    assert together.f1_of_means == pytest.approx(2 * 0.875 * 0.75 / (0.875 + 0.75), abs=1e-15)
    assert together.dsc_agg == 2 * 310 / (2 * 310 + 100 + 10)
    assert together.assd_mm_mean == 1.5


def test_a_one_sided_empty_case_counts_as_zero_in_all_means():
    for empty in (MISSED, INVENTED):
        together = aggregate([SMALL, LARGE, empty])
        assert together.dsc_mean == pytest.approx((2 / 3 + 6 / 7) / 3, abs=1e-15)
        precision, recall = (1 + 0.75) / 3, (0.5 + 1) / 3
        assert together.f1_of_means == pytest.approx(2 * precision * recall / (precision + recall), abs=1e-15)


def test_pooled_voxels_hold_those_of_empty_cases_too():
    assert aggregate([SMALL, MISSED]).dsc_agg == 20 / (20 + 10 + 50)
    assert aggregate([SMALL, INVENTED]).dsc_agg == 20 / (20 + 10 + 40)


def test_infinite_distances_are_left_out_and_counted():
    together = aggregate([SMALL, MISSED, INVENTED])
    assert together.assd_mm_mean == 2.0
    assert together.n_infinite_distance == 2


def test_every_kind_of_empty_case_is_counted_apart():
    together = aggregate([SMALL, LARGE, MISSED, INVENTED, INVENTED, EMPTY, EMPTY, EMPTY])
    assert together.n == 8
    assert (together.n_empty_prediction, together.n_empty_reference, together.n_both_empty) == (1, 2, 3)


def test_cases_with_two_empty_masks_change_no_mean():
    with_empty, without = aggregate([SMALL, LARGE, EMPTY]), aggregate([SMALL, LARGE])
    for name in ("dsc_mean", "f1_of_means", "dsc_agg", "assd_mm_mean"):
        assert getattr(with_empty, name) == getattr(without, name)


def test_nothing_but_empty_cases_gives_no_mean():
    content = aggregate([EMPTY, EMPTY]).to_json()
    assert [content[name] for name in ("dsc_mean", "f1_of_means", "dsc_agg", "assd_mm_mean")] == [None] * 4
    assert (content["n"], content["n_both_empty"], content["n_infinite_distance"]) == (2, 2, 0)


def test_nothing_but_misses_gives_zero_overlap_and_no_distance():
    together = aggregate([MISSED, INVENTED])
    assert (together.dsc_mean, together.f1_of_means, together.dsc_agg) == (0, 0, 0)
    assert math.isnan(together.assd_mm_mean)


def test_predicting_nothing_in_a_hard_case_never_raises_f1():
    hard = scored(1, 30, 30, 20.0)
    assert aggregate([LARGE, MISSED]).f1_of_means < aggregate([LARGE, hard]).f1_of_means


@pytest.mark.parametrize("seed", range(20))
def test_f1_of_means_is_never_below_dsc_mean(seed):
    random = np.random.default_rng(seed)
    cases = [scored(*(int(n) for n in random.integers(0, 4, 3)), 1.0) for _ in range(7)]
    together = aggregate(cases)
    assert together.f1_of_means >= together.dsc_mean - 1e-12


def test_json_has_four_means_and_five_counts_before_all_statistics():
    content = aggregate([SMALL, LARGE]).to_json()
    assert list(content)[:9] == [
        "dsc_mean",
        "f1_of_means",
        "dsc_agg",
        "assd_mm_mean",
        "n",
        "n_empty_reference",
        "n_empty_prediction",
        "n_both_empty",
        "n_infinite_distance",
    ]
    assert content["recall_mean"] == 0.75
    assert content["recall_sd"] == pytest.approx(math.sqrt(2 * 0.25**2))
    assert [content[f"recall_{name}"] for name in ("q25", "median", "q75")] == [0.625, 0.75, 0.875]


def test_precision_and_recall_count_one_sided_empties_as_zero():
    together = aggregate([SMALL, MISSED, INVENTED, EMPTY])
    assert together.statistics["precision"].mean == pytest.approx(1 / 3)
    assert together.statistics["recall"].mean == pytest.approx(0.5 / 3)


def test_one_case_has_no_standard_deviation():
    assert aggregate([SMALL]).to_json()["dsc_sd"] is None


def test_volumes_count_empty_masks():
    cases = [LabelScores(OverlapCounts(1, 3, 0), voxel_ml=0.5), LabelScores(voxel_ml=0.5)]
    assert aggregate(cases).statistics["volume_ml"].mean == 1
    assert aggregate(cases).statistics["volume_difference_ml"].mean == 0.75
