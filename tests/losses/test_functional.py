import itertools
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from nnunet_cscn.losses.functional import distance_weight, distance_weighted_focal_loss, focal_factor

from .focal_reference import focal_by_voxel

SHAPE = (2, 3, 4, 5)


def sample(*, classes=3, seed=0, highest_label=None):
    random = np.random.default_rng(seed)
    logits = torch.from_numpy(random.normal(0, 3, size=(SHAPE[0], classes, *SHAPE[1:])).astype(np.float32))
    labels = random.integers(0, highest_label or classes, size=(SHAPE[0], 1, *SHAPE[1:]))
    distance = np.where(labels > 0, random.uniform(1, 9, size=labels.shape), 0).astype(np.float32)
    return logits, torch.from_numpy(labels), torch.from_numpy(distance)


def test_without_distance_and_gamma_it_is_the_cross_entropy():
    logits, labels, _ = sample()
    loss = distance_weighted_focal_loss(logits, labels, None, gamma=0)
    torch.testing.assert_close(loss, F.cross_entropy(logits, labels[:, 0]))


def test_with_gamma_0_it_is_the_cross_entropy_weighted_by_distance_plus_1():
    logits, labels, distance = sample()
    each = F.cross_entropy(logits, labels[:, 0], reduction="none")
    weight = torch.where(labels[:, 0] > 0, distance[:, 0] + 1, 1)
    plain = distance_weighted_focal_loss(logits, labels, distance, gamma=0)
    torch.testing.assert_close(plain, (each * weight).mean())
    weighted = distance_weighted_focal_loss(logits, labels, distance, gamma=0, weighted_mean=True)
    torch.testing.assert_close(weighted, (each * weight).sum() / weight.sum())


@pytest.mark.parametrize("gamma", [0, 0.5, 1, 2, 5])
@pytest.mark.parametrize("ignore_label", [None, 3])
@pytest.mark.parametrize("weighted_mean", [False, True])
def test_it_is_the_papers_equation_voxel_by_voxel(gamma, ignore_label, weighted_mean):
    logits, labels, distance = sample(highest_label=4 if ignore_label else 3)
    options = {"gamma": gamma, "ignore_label": ignore_label, "weighted_mean": weighted_mean}
    loss = distance_weighted_focal_loss(logits, labels, distance, **options)
    expected = focal_by_voxel(logits.numpy(), labels.numpy(), distance.numpy(), **options)
    assert loss.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("weighted_mean", [False, True])
def test_the_gradient_is_the_slope_of_the_equation(weighted_mean):
    logits, labels, distance = sample(highest_label=4)
    options = {"gamma": 2.0, "ignore_label": 3, "weighted_mean": weighted_mean}
    logits.requires_grad_()
    distance_weighted_focal_loss(logits, labels, distance, **options).backward()
    values, step = logits.detach().double().numpy(), 1e-5
    for index in itertools.islice(np.ndindex(values.shape), 0, None, 7):
        ends = []
        for sign in (1, -1):
            moved = values.copy()
            moved[index] += sign * step
            ends.append(focal_by_voxel(moved, labels.numpy(), distance.numpy(), **options))
        assert logits.grad[index].item() == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-3, abs=1e-7)


def test_one_voxel_by_hand():
    logits = torch.tensor([math.log(1.0), math.log(3.0)]).reshape(1, 2, 1, 1, 1)  # p = 1/4, 3/4
    background, tumour = torch.zeros(1, 1, 1, 1, 1), torch.ones(1, 1, 1, 1, 1)
    distance = torch.full((1, 1, 1, 1, 1), 5.0)
    inside = distance_weighted_focal_loss(logits, tumour, distance)
    assert inside.item() == pytest.approx(6 * (1 / 4) ** 2 * math.log(4 / 3), rel=1e-6)
    outside = distance_weighted_focal_loss(logits, background, distance)  # distances outside a label are ignored
    assert outside.item() == pytest.approx((3 / 4) ** 2 * math.log(4), rel=1e-6)


def test_the_weighted_mean_of_equal_voxels_does_not_depend_on_the_distance():
    logits = torch.zeros(1, 2, 1, 1, 2)
    labels = torch.ones(1, 1, 1, 1, 2)
    distance = torch.tensor([1.0, 8.0]).reshape(1, 1, 1, 1, 2)
    weighted = distance_weighted_focal_loss(logits, labels, distance, weighted_mean=True)
    assert weighted.item() == pytest.approx(0.25 * math.log(2), rel=1e-6)
    plain = distance_weighted_focal_loss(logits, labels, distance)
    assert plain.item() == pytest.approx((2 + 9) / 2 * 0.25 * math.log(2), rel=1e-6)


@pytest.mark.parametrize("label", [0, 1])
def test_patches_of_one_label_have_a_finite_loss(label):
    logits, _, _ = sample(classes=2)
    labels = torch.full((SHAPE[0], 1, *SHAPE[1:]), label)
    loss = distance_weighted_focal_loss(logits, labels, torch.zeros(labels.shape), weighted_mean=True)
    assert loss.item() == pytest.approx(focal_by_voxel(logits.numpy(), labels.numpy()), rel=1e-5)


@pytest.mark.parametrize("dtype", [torch.int16, torch.uint8, torch.int64, torch.float32])
def test_labels_may_have_any_dtype(dtype):
    logits, labels, distance = sample()
    expected = distance_weighted_focal_loss(logits, labels, distance)
    assert torch.equal(distance_weighted_focal_loss(logits, labels.to(dtype), distance), expected)


def test_two_dimensional_batches_are_taken_too():
    logits, labels, distance = sample()
    loss = distance_weighted_focal_loss(logits[:, :, 0], labels[:, :, 0], distance[:, :, 0])
    expected = focal_by_voxel(logits[:, :, 0].numpy(), labels[:, :, 0].numpy(), distance[:, :, 0].numpy())
    assert loss.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("gamma", [0, 0.5, 2])
@pytest.mark.parametrize("weighted_mean", [False, True])
def test_the_largest_half_precision_logits_give_finite_loss_and_gradient(gamma, weighted_mean):
    right = torch.tensor([6e4, -6e4, 0.0])
    logits = torch.stack([right, -right], dim=1).reshape(1, 3, 1, 1, 2).half().requires_grad_()
    labels = torch.tensor([0, 0]).reshape(1, 1, 1, 1, 2)
    loss = distance_weighted_focal_loss(logits, labels, None, gamma=gamma, weighted_mean=weighted_mean)
    loss.backward()
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx((0 + 1.2e5) / 2, rel=1e-2)
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize("gamma", [0.1, 0.5, 0.9])
def test_a_gamma_below_1_has_no_gradient_where_the_prediction_is_perfect(gamma):
    logits = torch.tensor([0.0, 1e4]).reshape(1, 2, 1, 1, 1).requires_grad_()
    loss = distance_weighted_focal_loss(logits, torch.ones(1, 1, 1, 1, 1), None, gamma=gamma)
    loss.backward()
    assert loss.item() == 0
    assert logits.grad.abs().max().item() == 0


def test_ignored_voxels_have_neither_loss_nor_gradient():
    logits, labels, distance = sample(highest_label=4)
    logits.requires_grad_()
    ignored = labels == 3
    loss = distance_weighted_focal_loss(logits, labels, distance, ignore_label=3)
    loss.backward()
    assert logits.grad[ignored.expand_as(logits)].abs().max() == 0
    assert logits.grad[~ignored.expand_as(logits)].abs().min() > 0
    wild = torch.where(ignored, 1e4 * torch.randn(logits.shape), logits)
    torch.testing.assert_close(distance_weighted_focal_loss(wild, labels, distance, ignore_label=3), loss)


@pytest.mark.parametrize("weighted_mean", [False, True])
def test_the_loss_is_0_where_everything_is_ignored(weighted_mean):
    logits, _, distance = sample()
    logits.requires_grad_()
    labels = torch.full(distance.shape, 3)
    loss = distance_weighted_focal_loss(logits, labels, distance, ignore_label=3, weighted_mean=weighted_mean)
    loss.backward()
    assert loss.item() == 0
    assert logits.grad.abs().max() == 0


@pytest.mark.parametrize(("labels", "distance", "named"), [
    ((2, 3, 4, 5), None, "target"),
    ((2, 1, 3, 4, 4), None, "target"),
    ((1, 1, 3, 4, 5), None, "target"),
    ((2, 3, 3, 4, 5), None, "target"),
    ((2, 1, 3, 4, 5), (2, 3, 4, 5), "distance"),
    ((2, 1, 3, 4, 5), (2, 2, 3, 4, 5), "distance"),
])  # fmt: skip
def test_shapes_that_do_not_fit_are_refused(labels, distance, named):
    logits, _, _ = sample()
    with pytest.raises(ValueError, match=rf"{named}: .*\(2, 1, 3, 4, 5\)"):
        distance_weighted_focal_loss(logits, torch.zeros(labels), None if distance is None else torch.zeros(distance))


def test_alpha_is_distance_plus_1_inside_and_1_outside():
    alpha = distance_weight(torch.tensor([True, True, False]), torch.tensor([0.0, 4.0, 4.0]).half())
    assert alpha.tolist() == [1.0, 5.0, 1.0]
    assert alpha.dtype == torch.float32


def test_the_focal_factor_is_a_power_of_what_the_logarithm_stands_for():
    assert focal_factor(torch.tensor([0.5, 1.0]).log(), 3.0).tolist() == pytest.approx([0.125, 1.0])


@pytest.mark.parametrize("gamma", [0.1, 0.5, 1.0, 2.0])
def test_the_focal_factor_and_its_slope_end_at_0_where_nothing_is_left_of_the_other_classes(gamma):
    log_p_other = torch.tensor([-1e4, float("-inf")], requires_grad=True)
    factor = focal_factor(log_p_other, gamma)
    factor.sum().backward()
    assert factor.tolist() == [0.0, 0.0]
    assert log_p_other.grad.tolist() == [0.0, 0.0]


def test_a_single_class_has_neither_loss_nor_gradient():
    logits = torch.full((1, 1, 2, 2, 2), 3.0, requires_grad=True)
    loss = distance_weighted_focal_loss(logits, torch.zeros(1, 1, 2, 2, 2), None, gamma=0.5)
    loss.backward()
    assert loss.item() == 0
    assert logits.grad.abs().max().item() == 0
