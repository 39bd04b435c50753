import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from nnunet_cscn.losses.functional import distance_weighted_region_focal_loss

from .focal_reference import region_focal_by_voxel

SHAPE = (2, 2, 3, 4, 5)


def sample():
    random = np.random.default_rng(0)
    logits = torch.from_numpy(random.normal(0, 3, size=SHAPE).astype(np.float32))
    outer = random.random((2, 1, 3, 4, 5)) < 0.6
    regions = np.concatenate([outer, outer & (random.random(outer.shape) < 0.5)], axis=1)  # nested
    distance = np.where(regions, random.uniform(1, 9, size=SHAPE), 0).astype(np.float32)
    valid = random.random((2, 1, 3, 4, 5)) < 0.7
    return logits, torch.from_numpy(regions), torch.from_numpy(distance), torch.from_numpy(valid)


def test_without_distance_and_gamma_it_is_the_binary_cross_entropy():
    logits, regions, _, _ = sample()
    loss = distance_weighted_region_focal_loss(logits, regions, None, gamma=0)
    torch.testing.assert_close(loss, F.binary_cross_entropy_with_logits(logits, regions.float()))


@pytest.mark.parametrize("gamma", [0, 0.5, 2])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("weighted_mean", [False, True])
def test_overlapping_regions_follow_the_equation_voxel_by_voxel(gamma, masked, weighted_mean):
    logits, regions, distance, valid = sample()
    valid = valid if masked else None
    options = {"gamma": gamma, "weighted_mean": weighted_mean}
    loss = distance_weighted_region_focal_loss(logits, regions, distance, valid=valid, **options)
    expected = region_focal_by_voxel(
        logits.numpy(), regions.numpy(), distance.numpy(), valid=None if valid is None else valid.numpy(), **options
    )
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_each_region_has_its_own_alpha():
    regions = torch.tensor([True, False]).reshape(1, 2, 1, 1, 1)
    distance = torch.tensor([3.0, 7.0]).reshape(1, 2, 1, 1, 1)
    loss = distance_weighted_region_focal_loss(torch.zeros(1, 2, 1, 1, 1), regions, distance)
    assert loss.item() == pytest.approx((4 + 1) / 2 * 0.25 * math.log(2), rel=1e-6)


@pytest.mark.parametrize("dtype", [torch.bool, torch.int16, torch.float32])
def test_membership_may_have_any_dtype(dtype):
    logits, regions, distance, _ = sample()
    expected = distance_weighted_region_focal_loss(logits, regions, distance)
    assert torch.equal(distance_weighted_region_focal_loss(logits, regions.to(dtype), distance), expected)


@pytest.mark.parametrize("gamma", [0, 0.5, 2])
def test_the_largest_half_precision_logits_give_finite_loss_and_gradient(gamma):
    logits = torch.tensor([6e4, -6e4]).reshape(1, 2, 1, 1, 1).half().requires_grad_()
    regions = torch.tensor([True, True]).reshape(1, 2, 1, 1, 1)
    loss = distance_weighted_region_focal_loss(logits, regions, None, gamma=gamma)
    loss.backward()
    assert loss.item() == pytest.approx(3e4, rel=1e-2)
    assert logits.grad.isfinite().all()


def test_masked_voxels_have_no_gradient():
    logits, regions, distance, valid = sample()
    logits.requires_grad_()
    distance_weighted_region_focal_loss(logits, regions, distance, valid=valid).backward()
    hidden = ~valid.expand_as(logits)
    assert logits.grad[hidden].abs().max() == 0
    assert logits.grad[~hidden].abs().min() > 0


@pytest.mark.parametrize("weighted_mean", [False, True])
def test_the_loss_is_0_where_everything_is_masked(weighted_mean):
    logits, regions, distance, valid = sample()
    logits.requires_grad_()
    loss = distance_weighted_region_focal_loss(
        logits, regions, distance, valid=torch.zeros_like(valid), weighted_mean=weighted_mean
    )
    loss.backward()
    assert loss.item() == 0
    assert logits.grad.abs().max() == 0


@pytest.mark.parametrize("wrong", ["regions", "distance"])
def test_shapes_that_do_not_fit_are_refused(wrong):
    logits, regions, distance, _ = sample()
    arguments = {"regions": regions, "distance": distance}
    arguments[wrong] = arguments[wrong][:, :1]
    with pytest.raises(ValueError, match=r"shape \(2, 2, 3, 4, 5\)"):
        distance_weighted_region_focal_loss(logits, **arguments)
