import pytest
import torch
from torch import nn

from nnunet_cscn.losses.deep_supervision import CascadeLoss, DeepSupervisionLoss, scale_weights


class Spy(nn.Module):
    """A stub loss: records its inputs and returns the mean of the logits."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, logits, target, distance):
        self.seen.append((logits, target, distance))
        return logits.mean()


def scales(*values):
    return [torch.full((1, 2, 4 // 2**i, 4 // 2**i, 4 // 2**i), float(v)) for i, v in enumerate(values)]


@pytest.mark.parametrize(
    ("n", "expected"),
    [
        (1, [1.0]),
        (2, [1 / 1.000001, 1e-6 / 1.000001]),
        (3, [1 / 1.500001, 0.5 / 1.500001, 1e-6 / 1.500001]),
        (5, [1 / 1.875001, 0.5 / 1.875001, 0.25 / 1.875001, 0.125 / 1.875001, 1e-6 / 1.875001]),
    ],
)
def test_weights_halve_and_the_last_is_next_to_nothing(n, expected):
    assert scale_weights(n) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("n", range(1, 8))
def test_weights_are_positive_and_sum_to_1(n):
    assert sum(scale_weights(n)) == pytest.approx(1.0)
    assert min(scale_weights(n)) > 0  # distributed training refuses a head without gradient


def test_scales_are_summed_by_their_weights():
    loss = DeepSupervisionLoss(Spy(), (0.7, 0.2, 0.1), has_distance=False)
    assert loss(scales(1, 10, 100), scales(0, 0, 0)).item() == pytest.approx(0.7 + 2 + 10)


def test_each_scale_meets_its_own_target():
    spy = Spy()
    outputs, targets = scales(1, 2), scales(3, 4)
    DeepSupervisionLoss(spy, (0.5, 0.5), has_distance=False)(outputs, targets)
    assert all(seen[0] is o and seen[1] is t for seen, o, t in zip(spy.seen, outputs, targets, strict=True))
    assert [seen[2] for seen in spy.seen] == [None, None]


def test_the_distance_map_is_averaged_down_to_each_scale():
    spy = Spy()
    distance = torch.arange(64.0).reshape(1, 1, 4, 4, 4)
    DeepSupervisionLoss(spy, (0.5, 0.3, 0.2), has_distance=True)(scales(1, 1, 1), [*scales(0, 0, 0), distance])
    full, half, quarter = (seen[2] for seen in spy.seen)
    assert full is distance
    # the first block of 2 x 2 x 2: 0, 1, 4, 5, 16, 17, 20, 21; its neighbours lie 2, 8 and 32 further
    assert half.flatten().tolist() == [10.5 + 32 * z + 8 * y + 2 * x for z in (0, 1) for y in (0, 1) for x in (0, 1)]
    assert quarter.item() == 31.5


def test_distance_maps_of_regions_and_of_slices_are_pooled_too():
    spy = Spy()
    outputs = [torch.zeros(1, 2, 4, 4), torch.zeros(1, 2, 2, 4)]
    distance = torch.tensor([[0.0], [2.0], [4.0], [6.0]]).expand(4, 4).expand(1, 2, 4, 4)
    DeepSupervisionLoss(spy, (0.5, 0.5), has_distance=True)(outputs, [*outputs, distance])
    pooled = spy.seen[1][2]
    assert pooled.shape == (1, 2, 2, 4)
    assert pooled[0, 1, :, 0].tolist() == [1.0, 5.0]


@pytest.mark.parametrize(("n_outputs", "n_targets"), [(2, 3), (3, 2), (2, 2), (4, 4)])
def test_numbers_of_scales_that_differ_are_refused(n_outputs, n_targets):
    loss = DeepSupervisionLoss(Spy(), scale_weights(3), has_distance=False)
    with pytest.raises(ValueError, match=f"3 scales.* {n_outputs} and {n_targets}"):
        loss([torch.zeros(1)] * n_outputs, [torch.zeros(1)] * n_targets)


def test_a_missing_distance_map_is_refused():
    loss = DeepSupervisionLoss(Spy(), (1.0,), has_distance=True)
    with pytest.raises(ValueError, match=r"1 scales.* 1 and 0"):
        loss(scales(1), scales(1))


def test_both_networks_are_weighted_and_the_fused_map_has_no_loss():
    stage = DeepSupervisionLoss(Spy(), (1.0,), has_distance=False)
    loss = CascadeLoss(stage, stage, coarse_weight=0.5, fine_weight=2.0)
    fused = torch.full((1, 2, 4, 4, 4), float("nan"))
    assert loss([fused, scales(10), scales(3)], scales(0)).item() == pytest.approx(0.5 * 10 + 2 * 3)
