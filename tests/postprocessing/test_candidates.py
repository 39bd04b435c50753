"""The counts by which choices are compared give the DSC of the label map that the steps make."""

import numpy as np
import pytest
from scipy import ndimage

from nnunet_cscn.postprocessing.candidates import all_candidates, candidate_dsc
from nnunet_cscn.postprocessing.steps import LabelPostprocessing, apply_steps

VOXEL_ML = 0.02


def smooth(seed):
    return ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(10, 20, 20)), 1.2)


@pytest.mark.parametrize("with_ignore", [False, True])
def test_every_choice_has_the_dsc_of_what_it_makes(with_ignore):
    levels = {"a": (255 / (1 + np.exp(-8 * smooth(0)))).astype(np.uint8)}
    levels["b"] = (255 - levels["a"]) // 2
    label_map = np.where(levels["a"] > 150, 1, np.where(levels["b"] > 100, 2, 0)).astype(np.uint8)
    reference = smooth(0) + smooth(1) > 0.25
    ignored = smooth(2) > 0.3 if with_ignore else None
    wanted = all_candidates(with_thresholds=True)
    found = candidate_dsc(
        wanted,
        label_map == 1,
        reference,
        free=label_map != 2,
        voxel_ml=VOXEL_ML,
        ignored=ignored,
        levels=levels["a"],
        other_levels=[levels["b"]],
    )
    assert len(set(found.tolist())) > 20
    counted = np.ones(reference.shape, dtype=bool) if ignored is None else ~ignored
    for steps, dsc in list(zip(wanted, found, strict=True))[::7]:
        made = apply_steps(label_map, [LabelPostprocessing("a", (1,), steps)], voxel_ml=VOXEL_ML, probabilities=levels)
        mask, truth = (made == 1) & counted, reference & counted
        assert dsc == pytest.approx(2 * (mask & truth).sum() / (mask.sum() + truth.sum())), steps.describe()


def test_removing_a_false_alarm_counts_as_one():
    predicted = np.zeros((2, 4, 4), dtype=bool)
    predicted[0, 0, 0] = True
    wanted = all_candidates(with_thresholds=False)
    found = candidate_dsc(wanted, predicted, np.zeros_like(predicted), free=np.ones_like(predicted), voxel_ml=VOXEL_ML)
    for steps, dsc in zip(wanted, found, strict=True):
        assert dsc == (1 if steps.min_ml > VOXEL_ML else 0)


def test_fewer_steps_come_first():
    numbers = [each.describe().count(",") for each in all_candidates(with_thresholds=True)]
    assert numbers == sorted(numbers)
