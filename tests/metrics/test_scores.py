import math

import numpy as np
import pytest

import brute_force
from nnunet_cscn.metrics.overlap import OverlapCounts
from nnunet_cscn.metrics.scores import json_number, score_masks


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
    distances = brute_force.both_directions_mm(prediction, reference, (3.0, 0.9, 1.1))
    assert scores.hd_mm == pytest.approx(max(distances), abs=1e-9)
    for tolerance, nsd in scores.nsd.items():
        assert nsd == sum(d <= tolerance + 1e-6 for d in distances) / len(distances)
    assert scores.apl_mm == pytest.approx(brute_force.n_added_pixels(prediction, reference) * math.sqrt(0.99))
    predicted, true = brute_force.components(prediction), brute_force.components(reference)
    n_found = sum(len(a & b) > len(a | b) / 2 for a in predicted for b in true)
    assert scores.lesions == OverlapCounts(n_found, len(predicted) - n_found, len(true) - n_found)


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


def test_one_empty_mask_has_no_distance_and_may_get_one():
    mask = np.zeros((4, 5, 6), dtype=bool)
    mask[1:3, 1:3, 1:3] = True
    missed = score_masks(np.zeros_like(mask), mask, (2.0, 1.0, 1.0))
    assert missed.has_one_empty
    assert [missed.assd_mm, missed.hd95_mm, missed.hd_mm] == [math.inf] * 3
    assert missed.nsd == {1.0: 0.0, 2.0: 0.0, 3.0: 0.0}
    assert missed.apl_mm == 8  # two slices of four pixels of 1 mm
    replaced = missed.with_distances(30.0)
    assert [replaced.assd_mm, replaced.hd95_mm, replaced.hd_mm] == [30.0] * 3
    same = score_masks(mask, mask, (2.0, 1.0, 1.0))
    assert same.with_distances(30.0) is same


def test_volumes_are_voxels_times_their_size():
    prediction, reference = np.zeros((2, 6, 6, 6), dtype=bool)
    prediction[1:3, 1:3, 1:3] = reference[1:4, 1:3, 1:3] = True
    scores = score_masks(prediction, reference, (3.0, 0.5, 0.5))
    assert scores.volume_ml == pytest.approx(8 * 0.75 / 1000)
    assert scores.reference_volume_ml == pytest.approx(12 * 0.75 / 1000)
    assert scores.n_voxels == 216


def test_two_empty_masks_have_volumes_and_no_overlap():
    empty = np.zeros((2, 3, 4), dtype=bool)
    scores = score_masks(empty, empty, (1.0, 1.0, 1.0), ignored=np.arange(24).reshape(2, 3, 4) < 5)
    assert (scores.volume_ml, scores.reference_volume_ml, scores.n_voxels) == (0, 0, 19)
    assert math.isnan(scores.apl_mm)
    assert math.isnan(scores.lesions.f1)


def test_finite_numbers_stay_as_they_are():
    assert json_number(1.25) == 1.25


@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0), (0.0, 1.0, 1.0)])
def test_a_bad_spacing_is_refused_even_for_empty_masks(spacing_mm):
    with pytest.raises(ValueError, match="spacing_mm"):
        score_masks(np.zeros((2, 2, 2)), np.zeros((2, 2, 2)), spacing_mm)


def test_unequal_shapes_are_refused():
    with pytest.raises(ValueError, match="shape"):
        score_masks(np.ones((4, 4, 4)), np.ones((4, 4, 1)), (1.0, 1.0, 1.0))
