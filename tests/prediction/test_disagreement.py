import numpy as np
import pytest

from nnunet_cscn.prediction.disagreement import disagreement_map, disagreement_score


def classes(*voxels):
    """Probabilities (classes, voxels) from one tuple for each voxel."""
    return np.array(voxels, dtype=np.float32).T


def test_of_a_foreground_it_is_the_difference_of_its_probabilities():
    coarse, fine = classes((0.9, 0.1), (0.2, 0.8), (1, 0)), classes((0.4, 0.6), (0.3, 0.7), (0, 1))
    np.testing.assert_allclose(disagreement_map(coarse, fine, are_regions=False), [0.5, 0.1, 1.0], atol=1e-6)


def test_of_several_classes_it_is_the_total_variation_distance():
    coarse, fine = classes((0.2, 0.5, 0.3)), classes((0.1, 0.2, 0.7))
    np.testing.assert_allclose(disagreement_map(coarse, fine, are_regions=False), [0.4], atol=1e-6)


def test_of_regions_it_is_the_largest_difference():
    coarse, fine = classes((0.9, 0.1)), classes((0.8, 0.7))
    np.testing.assert_allclose(disagreement_map(coarse, fine, are_regions=True), [0.6], atol=1e-6)


def test_it_stays_below_1_whatever_half_precision_makes_of_the_sums():
    assert disagreement_map(classes((1.001, 0)), classes((0, 1.002)), are_regions=False) == [1]


def test_the_number_is_the_mean_where_either_stage_sees_foreground():
    coarse = classes((0.9, 0.1), (0.2, 0.8), (0.7, 0.3))
    fine = classes((0.4, 0.6), (0.3, 0.7), (0.9, 0.1))  # the third voxel is background to both
    assert disagreement_score(coarse, fine, are_regions=False) == pytest.approx((0.5 + 0.1) / 2)


def test_a_large_empty_rest_does_not_change_the_number():
    coarse, fine = classes((0.1, 0.9)), classes((0.4, 0.6))
    empty = np.tile(classes((0.95, 0.05)), 1000)
    alone = disagreement_score(coarse, fine, are_regions=False)
    assert disagreement_score(
        np.hstack([coarse, empty]), np.hstack([fine, empty * [[1.0], [0]]]).astype(np.float32), are_regions=False
    ) == pytest.approx(alone)


def test_regions_count_where_any_of_them_is_seen():
    coarse, fine = classes((0.6, 0.1), (0.4, 0.4)), classes((0.5, 0.3), (0.1, 0.45))
    assert disagreement_score(coarse, fine, are_regions=True) == pytest.approx(0.2)


def test_where_neither_stage_sees_anything_there_is_no_disagreement():
    assert disagreement_score(classes((0.9, 0.1)), classes((0.6, 0.4)), are_regions=False) == 0
