import math

import pytest
import torch

from nnunet_cscn.losses.compound import FocalDiceLoss
from nnunet_cscn.settings.loss import LossSettings


def loss_of(settings, *, is_regions=False, ignore_label=None, batch_dice=False):
    return FocalDiceLoss(
        settings, is_regions=is_regions, ignore_label=ignore_label, batch_dice=batch_dice, is_distributed=False
    )


def volume(*values):
    return torch.tensor(values, dtype=torch.float32).reshape(1, 1, 1, 1, -1)


DICE = LossSettings(focal_weight=0.0)
FOCAL = LossSettings(dice_weight=0.0)


def test_dice_alone_is_nnunets_negative_foreground_dice():
    loss = loss_of(DICE)(torch.zeros(1, 2, 1, 1, 4), volume(0, 0, 0, 1), None)
    assert loss.item() == pytest.approx(-2 * 0.5 / (4 * 0.5 + 1), abs=1e-4)


def test_regions_count_every_channel_in_the_dice():
    target = torch.cat([volume(1, 1, 0, 0), volume(1, 0, 0, 0)], dim=1)
    loss = loss_of(DICE, is_regions=True)(torch.zeros(1, 2, 1, 1, 4), target, None)
    assert loss.item() == pytest.approx(-(2 * 1.0 / 4 + 2 * 0.5 / 3) / 2, abs=1e-4)


def test_batch_dice_joins_the_samples():
    target = torch.cat([volume(1, 1, 1, 1), volume(0, 0, 0, 1)])
    logits = torch.zeros(2, 2, 1, 1, 4)
    apart = loss_of(DICE)(logits, target, None)
    joint = loss_of(DICE, batch_dice=True)(logits, target, None)
    assert apart.item() == pytest.approx(-(4 / 6 + 1 / 3) / 2, abs=1e-4)
    assert joint.item() == pytest.approx(-2 * 2.5 / (4 + 5), abs=1e-4)


def test_focal_alone_is_the_distance_weighted_focal_loss():
    loss = loss_of(FOCAL)(torch.zeros(1, 2, 1, 1, 2), volume(0, 1), volume(0, 3))
    assert loss.item() == pytest.approx(0.25 * math.log(2), rel=1e-5)  # weighted mean of equal voxels


def test_without_distance_weighting_distances_are_ignored():
    plain = loss_of(LossSettings(dice_weight=0.0, gamma=0.0, distance_weighting=False))
    logits = torch.randn(1, 2, 1, 1, 4)
    loss = plain(logits, volume(0, 1, 1, 0), volume(0, 1, 5, 0))
    classes = torch.tensor([[[[0, 1, 1, 0]]]])
    torch.testing.assert_close(loss, torch.nn.functional.cross_entropy(logits, classes))


def test_both_terms_are_weighted():
    logits, target, distance = torch.randn(1, 2, 1, 1, 4), volume(0, 1, 1, 0), volume(0, 1, 2, 0)
    both = loss_of(LossSettings(focal_weight=3.0, dice_weight=0.5))(logits, target, distance)
    parts = [loss_of(settings)(logits, target, distance) for settings in (FOCAL, DICE)]
    torch.testing.assert_close(both, 3.0 * parts[0] + 0.5 * parts[1])


@pytest.mark.parametrize("settings", [FOCAL, DICE, LossSettings()])
def test_ignored_voxels_change_nothing(settings):
    torch.manual_seed(0)
    logits = torch.randn(1, 2, 1, 1, 4, requires_grad=True)
    loss = loss_of(settings, ignore_label=2)(logits, volume(0, 1, 2, 2), volume(0, 1, 0, 0))
    loss.backward()
    assert logits.grad[..., 2:].abs().max() == 0
    expected = loss_of(settings)(logits[..., :2], volume(0, 1), volume(0, 1))
    torch.testing.assert_close(loss, expected)


def test_ignored_voxels_of_regions_change_nothing():
    torch.manual_seed(0)
    logits = torch.randn(1, 2, 1, 1, 3)
    target = torch.cat([volume(1, 0, 1), volume(1, 0, 0), volume(0, 0, 1)], dim=1)
    distance = torch.cat([volume(1, 0, 1), volume(2, 0, 0)], dim=1)
    loss = loss_of(LossSettings(), is_regions=True, ignore_label=3)(logits, target, distance)
    expected = loss_of(LossSettings(), is_regions=True)(logits[..., :2], target[:, :2, ..., :2], distance[..., :2])
    torch.testing.assert_close(loss, expected)


@pytest.mark.parametrize("label", [0, 1, 2])
def test_patches_of_one_label_or_of_ignored_voxels_alone_train(label):
    logits = torch.randn(2, 2, 2, 2, 2, requires_grad=True)
    target = torch.full((2, 1, 2, 2, 2), label)
    loss = loss_of(LossSettings(), ignore_label=2)(logits, target, torch.zeros(target.shape))
    loss.backward()
    assert loss.isfinite()
    assert logits.grad.isfinite().all()


def test_half_precision_logits_give_a_single_precision_loss():
    logits = (6e4 * torch.randn(1, 2, 2, 2, 2).sign()).half().requires_grad_()
    loss = loss_of(LossSettings())(logits, torch.randint(0, 2, (1, 1, 2, 2, 2)), torch.zeros(1, 1, 2, 2, 2))
    loss.backward()
    assert loss.dtype == torch.float32
    assert loss.isfinite()
    assert logits.grad.isfinite().all()
