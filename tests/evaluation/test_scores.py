import math

import numpy as np
import pytest

from nnunet_cscn.evaluation.overlap import OverlapCounts
from nnunet_cscn.evaluation.scores import LabelScores, json_number, score_masks

from . import brute_force


@pytest.mark.parametrize("seed", range(4))
def test_all_scores_of_random_shapes_agree_with_loops(seed):
    random = np.random.default_rng(seed)
    prediction, reference = (np.pad(brute_force.random_blob(random, (5, 6, 7)), 2) for _ in range(2))
    both = sum(bool(a and b) for a, b in zip(prediction.flat, reference.flat, strict=True))
    n_prediction, n_reference = int(prediction.sum()), int(reference.sum())
    scores = score_masks(prediction, reference, (3.0, 0.9, 1.1))
    assert scores.counts == OverlapCounts(both, n_prediction - both, n_reference - both)
    expected = brute_force.assd_and_hd95_mm(prediction, reference, (3.0, 0.9, 1.1))
    assert (scores.assd_mm, scores.hd95_mm) == pytest.approx(expected, abs=1e-9)


def test_the_scores_of_ignored_voxels_agree_with_loops():
    random = np.random.default_rng(5)
    prediction, reference = (np.pad(brute_force.random_blob(random, (5, 6, 7)), 2) for _ in range(2))
    ignored = random.random(reference.shape) < 0.3
    valid = [mask & ~ignored for mask in (prediction, reference)]
    scores = score_masks(prediction, reference, (3.0, 0.9, 1.1), ignored=ignored)
    assert scores.counts.true_positive == int((valid[0] & valid[1]).sum())
    expected = brute_force.assd_and_hd95_mm(valid[0], valid[1], (3.0, 0.9, 1.1), ignored)
    assert (scores.assd_mm, scores.hd95_mm) == pytest.approx(expected, abs=1e-9)


def test_a_pair_is_empty_when_only_ignored_voxels_are_marked():
    mask = np.zeros((3, 3, 3), dtype=bool)
    mask[1, 1, 1] = True
    assert math.isnan(score_masks(mask, mask, (1.0, 1.0, 1.0), ignored=mask).counts.dsc)


def test_bytes_of_zero_and_one_serve_as_masks():
    mask = np.zeros((3, 3, 3), dtype=np.uint8)
    mask[1, 1, :2] = 1
    assert score_masks(mask, mask.astype(float), (1.0, 1.0, 1.0)).counts.dsc == 1


def test_json_has_the_six_scores_with_null_and_inf():
    assert LabelScores(OverlapCounts(false_negative=3), math.inf, math.inf).to_json() == {
        "dsc": 0.0,
        "precision": None,
        "recall": 0.0,
        "f1": 0.0,
        "assd_mm": "inf",
        "hd95_mm": "inf",
    }


def test_json_of_two_empty_masks_is_null_throughout():
    assert set(LabelScores().to_json().values()) == {None}


def test_finite_numbers_stay_as_they_are():
    assert json_number(1.25) == 1.25


@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0), (0.0, 1.0, 1.0)])
def test_a_bad_spacing_is_refused_even_for_empty_masks(spacing_mm):
    with pytest.raises(ValueError, match="spacing_mm"):
        score_masks(np.zeros((2, 2, 2)), np.zeros((2, 2, 2)), spacing_mm)


def test_unequal_shapes_are_refused():
    with pytest.raises(ValueError, match="shape"):
        score_masks(np.ones((4, 4, 4)), np.ones((4, 4, 1)), (1.0, 1.0, 1.0))
