import math

import numpy as np
import pytest

from nnunet_cscn.metrics.overlap import OverlapCounts, count_overlap


def test_two_by_hand_counted_rows():
    counts = count_overlap([[[1, 1, 1, 0, 0, 0]]], [[[0, 1, 1, 1, 1, 0]]])
    assert counts == OverlapCounts(true_positive=2, false_positive=1, false_negative=2)
    assert counts.dsc == 4 / 7
    assert counts.precision == 2 / 3
    assert counts.recall == 2 / 4


def test_f1_is_the_harmonic_mean_of_precision_and_recall_and_equals_dsc():
    counts = OverlapCounts(true_positive=30, false_positive=10, false_negative=50)
    assert counts.f1 == pytest.approx(2 * 0.75 * 0.375 / (0.75 + 0.375), abs=1e-15)
    assert counts.f1 == counts.dsc


def test_identical_masks_score_one():
    mask = np.random.default_rng(0).random((4, 5, 6)) < 0.5
    counts = count_overlap(mask, mask)
    assert (counts.dsc, counts.precision, counts.recall, counts.f1) == (1, 1, 1, 1)


def test_masks_apart_score_zero_everywhere():
    counts = count_overlap([[[1, 0]]], [[[0, 1]]])
    assert (counts.dsc, counts.precision, counts.recall, counts.f1) == (0, 0, 0, 0)


def test_an_empty_prediction_has_no_precision_and_zero_dsc():
    counts = count_overlap([[[0, 0]]], [[[0, 1]]])
    assert counts.prediction_is_empty
    assert not counts.reference_is_empty
    assert math.isnan(counts.precision)
    assert (counts.dsc, counts.recall, counts.f1) == (0, 0, 0)


def test_an_empty_reference_has_no_recall_and_zero_dsc():
    counts = count_overlap([[[0, 1]]], [[[0, 0]]])
    assert counts.reference_is_empty
    assert not counts.prediction_is_empty
    assert math.isnan(counts.recall)
    assert (counts.dsc, counts.precision, counts.f1) == (0, 0, 0)


def test_two_empty_masks_have_no_score():
    counts = count_overlap([[[0, 0]]], [[[0, 0]]])
    assert all(math.isnan(value) for value in (counts.dsc, counts.precision, counts.recall, counts.f1))


def test_counts_add_up():
    assert OverlapCounts(1, 2, 3) + OverlapCounts(10, 20, 30) == OverlapCounts(11, 22, 33)


def test_ignored_voxels_are_not_counted():
    counts = count_overlap([[[1, 1, 1, 0]]], [[[1, 0, 0, 1]]], ignored=[[[0, 1, 0, 0]]])
    assert counts == OverlapCounts(true_positive=1, false_positive=1, false_negative=1)


def test_unequal_shapes_are_refused_even_where_numpy_would_broadcast():
    with pytest.raises(ValueError, match="shape"):
        count_overlap(np.ones((4, 4, 4)), np.ones((4, 4, 1)))
