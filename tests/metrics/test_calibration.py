import math

import numpy as np
import pytest

from nnunet_cscn.metrics.calibration import LevelCounts, neighbourhood
from nnunet_cscn.nifti.probabilities import to_levels


@pytest.fixture
def volume():
    random = np.random.default_rng(1)
    probabilities = random.random((6, 7, 8))
    return probabilities, random.random((6, 7, 8)) < probabilities**2


def counted(probabilities, reference):
    return LevelCounts.from_case(to_levels(probabilities), reference)


def test_the_brier_score_is_the_mean_square(volume):
    probabilities, reference = volume
    expected = np.mean((to_levels(probabilities) / 255 - reference) ** 2)
    assert counted(*volume).brier_score == pytest.approx(expected, abs=1e-12)


def test_the_calibration_error_is_that_of_loops_over_bins(volume):
    levels, reference = to_levels(volume[0]), volume[1]
    error = 0.0
    for index in range(15):
        inside = (levels >= 17 * index) & ((levels < 17 * (index + 1)) | (index == 14))  # 255 / 15 levels each
        if inside.any():
            error += inside.sum() * abs((levels[inside] / 255).mean() - reference[inside].mean())
    assert counted(*volume).expected_calibration_error == pytest.approx(error / levels.size, abs=1e-12)


@pytest.mark.parametrize("threshold", [0.05, 0.5, 0.95])
def test_the_dsc_is_that_of_the_mask_at_the_threshold(volume, threshold):
    levels, reference = to_levels(volume[0]), volume[1]
    mask = levels / 255 >= threshold
    expected = 2 * (mask & reference).sum() / (mask.sum() + reference.sum())
    assert counted(*volume).dsc(threshold) == pytest.approx(expected)


def test_cases_add_up(volume):
    probabilities, reference = volume
    halves = counted(probabilities[:3], reference[:3]) + counted(probabilities[3:], reference[3:])
    assert halves.brier_score == pytest.approx(counted(*volume).brier_score)


def test_perfect_probabilities_have_no_error():
    reference = np.array([[[True, False]]])
    counts = counted(reference.astype(float), reference)
    assert (counts.brier_score, counts.expected_calibration_error, counts.dsc(0.5)) == (0, 0, 1)


def test_nothing_has_no_calibration():
    counts = counted(np.zeros((0, 1, 1)), np.zeros((0, 1, 1), dtype=bool))
    assert math.isnan(counts.brier_score)
    assert math.isnan(counts.expected_calibration_error)
    assert math.isnan(counts.dsc(0.5))


def test_the_neighbourhood_reaches_10_mm_beyond_reference_and_prediction():
    reference = np.zeros((20, 60, 60), dtype=bool)
    reference[8, 30, 30] = True
    levels = np.zeros(reference.shape, dtype=np.uint8)
    levels[9, 30, 40] = 128
    levels[0, 0, 0] = 127  # below 0.5
    box = neighbourhood(levels, reference, (3.0, 1.0, 0.5))
    assert box == (slice(4, 14), slice(20, 41), slice(10, 61))
    assert neighbourhood(np.zeros_like(levels), np.zeros_like(reference), (3.0, 1.0, 0.5)) is None
