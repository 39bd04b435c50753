import numpy as np
import pytest

from nnunet_cscn.metrics.consensus import majority, staple


def expectation_maximisation(masks, n_rounds=500):
    """Compute STAPLE with its two steps (Warfield et al. 2004, Eqs. 14 to 18), on the enlarged bounding box of all
    voxels."""
    decisions = np.stack([mask.ravel() for mask in masks]).astype(float)
    prior = decisions.mean()
    sensitivity, specificity = np.full(len(masks), 0.99), np.full(len(masks), 0.99)
    for _ in range(n_rounds):
        p, q = sensitivity[:, None], specificity[:, None]
        true = prior * np.prod(np.where(decisions == 1, p, 1 - p), axis=0)
        false = (1 - prior) * np.prod(np.where(decisions == 0, q, 1 - q), axis=0)
        weight = true / (true + false)
        sensitivity = (decisions * weight).sum(axis=1) / weight.sum()
        specificity = ((1 - decisions) * (1 - weight)).sum(axis=1) / (1 - weight).sum()
    return (weight >= 0.5).reshape(masks[0].shape)


@pytest.mark.parametrize("seed", range(3))
def test_staple_agrees_with_its_two_steps(seed):
    random = np.random.default_rng(seed)
    truth = np.zeros((6, 10, 10), dtype=bool)
    truth[1:5, 2:8, 2:8] = True
    errors = (0.05, 0.1, 0.3)
    masks = [np.where(random.random(truth.shape) < error, ~truth, truth) for error in errors]
    for mask in masks:
        mask[0] = mask[-1] = mask[:, 0] = mask[:, -1] = mask[:, :, 0] = mask[:, :, -1] = False
        mask[1, 1, 1] = mask[-2, -2, -2] = True  # so that the box with its margin is the whole volume
    found = staple(masks)
    assert (found == expectation_maximisation(masks)).mean() > 0.999
    assert (found == truth).mean() > 0.9


def test_staple_trusts_the_observer_who_agrees_with_the_others():
    truth = np.zeros((5, 9, 9), dtype=bool)
    truth[1:4, 2:7, 2:7] = True
    careless = np.zeros_like(truth)
    careless[1:4, 1:3, 1:3] = True
    assert (staple([truth, truth.copy(), careless]) == truth).all()


def test_margins_do_not_change_staple():
    random = np.random.default_rng(0)
    masks = [np.pad(random.random((4, 5, 6)) < 0.5, 1) for _ in range(3)]
    wide = staple([np.pad(mask, 7) for mask in masks])
    assert (wide[7:-7, 7:-7, 7:-7] == staple(masks)).all()
    assert wide.sum() == staple(masks).sum()


def test_equal_observers_are_their_own_consensus():
    mask = np.zeros((3, 4, 5), dtype=bool)
    mask[1, 1:3, 1:4] = True
    for consensus in (staple, majority):
        assert (consensus([mask, mask]) == mask).all()
        assert not consensus([np.zeros_like(mask)] * 2).any()


def test_a_tie_is_no_majority():
    first, second = np.array([[[1, 1, 0]]], dtype=bool), np.array([[[0, 1, 1]]], dtype=bool)
    assert majority([first, second]).tolist() == [[[False, True, False]]]
    assert majority([first, second, first, second]).tolist() == [[[False, True, False]]]


@pytest.mark.parametrize("masks", [[], [np.zeros((1, 1, 1), bool), np.zeros((1, 1, 2), bool)]])
def test_masks_of_the_same_shape_are_needed(masks):
    for consensus in (staple, majority):
        with pytest.raises(ValueError, match=r"^masks: "):
            consensus(masks)
