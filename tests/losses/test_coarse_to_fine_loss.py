import itertools

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from nnunet_cscn.losses.deep_supervision import CoarseToFineLoss, DeepSupervisionLoss, _nearest

ORIGINS = {2: [[(0, 2), (8, 4)], [(4, 0), (6, 2)]], 3: [[(0, 2, 4), (8, 8, 8)], [(4, 0, 6), (2, 8, 0)]]}
COARSE_WEIGHTS, FINE_WEIGHTS = (0.75, 0.25), (0.7, 0.2, 0.1)


class SquaredGap(nn.Module):
    """A stub loss: the mean squared difference of the first logit and the label, weighted by the distance if given."""

    def forward(self, logits, target, distance):
        return ((logits[:, :1] - target).square() * (1 if distance is None else distance)).mean()


class Spy(nn.Module):
    """A stub loss: records its inputs and returns the mean of the logits."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, logits, target, distance):
        self.seen.append((logits, target, distance))
        return logits.mean()


def averaged(array, by):
    """Average (C, *size) over cells of the given number of voxels per axis."""
    cells = [n for edge in array.shape[1:] for n in (edge // by, by)]
    return array.reshape(array.shape[0], *cells).mean(axis=tuple(range(2, 2 * array.ndim, 2)))


def batch_of(dimensions, *, edge=16, block=8, seed=0):
    """Return outputs and targets of a cascade with pooling 2: two windows with two blocks each."""
    torch.manual_seed(seed)
    coarse = [torch.randn(2, 3, *([edge // by] * dimensions)) for by in (2, 4)]
    fine = [torch.randn(4, 3, *([block // by] * dimensions)) for by in (1, 2, 4)]
    labels = torch.randint(3, (2, 1, *([edge] * dimensions))).float()
    pooled = [F.interpolate(labels, scale_factor=1 / by, mode="nearest-exact") for by in (2, 4)]
    distance = torch.rand(2, 1, *([edge] * dimensions)) + 0.5
    return (
        [torch.full((1,), float("nan")), coarse, fine, torch.tensor(ORIGINS[dimensions])],
        [labels, *pooled],
        distance,
    )


def loss_of(inner, *, has_distance, fine_inner=None, coarse_weight=0.5, fine_weight=2.0):
    return CoarseToFineLoss(
        DeepSupervisionLoss(inner, COARSE_WEIGHTS, has_distance=has_distance),
        DeepSupervisionLoss(fine_inner or inner, FINE_WEIGHTS, has_distance=has_distance),
        coarse_weight=coarse_weight,
        fine_weight=fine_weight,
    )


def loss_by_hand(logits, label, distance):
    return np.mean((logits - label) ** 2 * distance)


@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("has_distance", [False, True])
def test_the_loss_is_the_weighted_sum_that_slices_give(dimensions, has_distance):
    outputs, targets, distance = batch_of(dimensions)
    loss = loss_of(SquaredGap(), has_distance=has_distance)(outputs, [*targets, distance] if has_distance else targets)
    maps = distance.numpy().astype(float) if has_distance else np.ones(distance.shape)
    labels = targets[0].numpy()
    coarse = fine = 0.0
    for weight, logits, by in zip(COARSE_WEIGHTS, outputs[1], (2, 4), strict=True):
        taken = labels[(slice(None), slice(None), *[slice(by // 2, None, by)] * dimensions)]
        there = np.stack([averaged(each, by) for each in maps])
        coarse += weight * loss_by_hand(logits[:, :1].numpy(), taken, there)
    for weight, logits, by in zip(FINE_WEIGHTS, outputs[2], (1, 2, 4), strict=True):
        gaps = []
        for i, origin in enumerate(itertools.chain(*ORIGINS[dimensions])):
            sample = i // 2  # two blocks each
            box = (slice(None), *[slice(first, first + 8) for first in origin])
            taken = labels[sample][box][(slice(None), *[slice(by // 2, None, by)] * dimensions)]
            gaps.append(loss_by_hand(logits[i, :1].numpy(), taken, averaged(maps[sample][box], by)))
        fine += weight * np.mean(gaps)
    assert loss.item() == pytest.approx(0.5 * coarse + 2.0 * fine, rel=1e-5)


def test_each_network_meets_its_own_targets():
    outputs, targets, distance = batch_of(3)
    coarse, fine = Spy(), Spy()
    loss_of(coarse, fine_inner=fine, has_distance=True)(outputs, [*targets, distance])
    assert all(seen[0] is logits for seen, logits in zip(coarse.seen, outputs[1], strict=True))
    assert all(seen[1] is target for seen, target in zip(coarse.seen, targets[1:], strict=True))
    assert [tuple(seen[2].shape) for seen in coarse.seen] == [(2, 1, 8, 8, 8), (2, 1, 4, 4, 4)]
    assert all(seen[0] is logits for seen, logits in zip(fine.seen, outputs[2], strict=True))
    assert torch.equal(fine.seen[0][1][3], targets[0][1, :, 2:10, 8:16, 0:8])
    assert torch.equal(fine.seen[0][2][3], distance[1, :, 2:10, 8:16, 0:8])
    assert [tuple(seen[1].shape) for seen in fine.seen] == [(4, 1, e, e, e) for e in (8, 4, 2)]


def test_regions_keep_all_their_channels():
    outputs, targets, distance = batch_of(2)
    spy = Spy()
    regions = [target.expand(-1, 3, -1, -1) for target in (*targets, distance)]
    loss_of(Spy(), fine_inner=spy, has_distance=True)(outputs, regions)
    assert [tuple(seen[1].shape) for seen in spy.seen] == [(4, 3, 8, 8), (4, 3, 4, 4), (4, 3, 2, 2)]
    assert [tuple(seen[2].shape) for seen in spy.seen] == [(4, 3, 8, 8), (4, 3, 4, 4), (4, 3, 2, 2)]


def test_both_networks_are_weighted_and_the_fused_map_has_no_loss():
    outputs, targets, _ = batch_of(2)
    outputs[1] = [torch.full_like(scale, 10.0) for scale in outputs[1]]
    outputs[2] = [torch.full_like(scale, 3.0) for scale in outputs[2]]
    loss = loss_of(Spy(), has_distance=False, coarse_weight=0.25, fine_weight=4.0)
    assert loss(outputs, targets).item() == pytest.approx(0.25 * 10 + 4 * 3)


def test_gradients_reach_both_networks_logits():
    outputs, targets, distance = batch_of(2)
    for logits in (*outputs[1], *outputs[2]):
        logits.requires_grad_()
    loss_of(SquaredGap(), has_distance=True)(outputs, [*targets, distance]).backward()
    assert all(logits.grad.abs().sum() > 0 for logits in (*outputs[1], *outputs[2]))


def test_a_missing_scale_of_the_window_is_refused():
    outputs, targets, _ = batch_of(2)
    with pytest.raises(ValueError, match=r"2 scales.* 2 and 1"):
        loss_of(Spy(), has_distance=False)(outputs, targets[:-1])


@pytest.mark.parametrize(
    "steps", [(1, 1), (2, 2), (4, 4), (1, 4), (3, 2), (1, 1, 1), (2, 2, 2), (4, 4, 4), (1, 2, 4), (8, 1, 2)]
)
def test_lower_scales_take_the_voxels_that_nnunet_takes(steps):
    generator = torch.Generator().manual_seed(0)
    labels = torch.rand((2, 2, *(24 for _ in steps)), generator=generator)
    size = tuple(24 // step for step in steps)
    assert torch.equal(_nearest(labels, size), F.interpolate(labels, size=size, mode="nearest-exact"))


def test_of_four_voxels_the_third_is_taken():
    labels = torch.arange(8, dtype=torch.int16).reshape(1, 1, 1, 8)
    assert _nearest(labels, (1, 2)).tolist() == [[[[2, 6]]]]
    assert _nearest(labels, (1, 4)).tolist() == [[[[1, 3, 5, 7]]]]
