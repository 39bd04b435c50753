import pytest
import torch

from nnunet_cscn.losses.focal import DistanceWeightedFocalLoss, valid_voxels, without_ignored
from nnunet_cscn.settings.loss import LossSettings

from .focal_reference import focal_by_voxel, region_focal_by_voxel


def volume(*values, dtype=torch.float32):
    return torch.tensor(values, dtype=dtype).reshape(1, 1, 1, 1, -1)


def test_nothing_is_ignored_without_an_ignore_label():
    target = volume(0, 1, 2)
    assert valid_voxels(target, is_regions=False, ignore_label=None) is None
    assert without_ignored(target, is_regions=False, ignore_label=None) is target


def test_ignored_labels_become_background():
    target = volume(0, 1, 2, dtype=torch.int16)
    assert valid_voxels(target, is_regions=False, ignore_label=2).flatten().tolist() == [True, True, False]
    assert without_ignored(target, is_regions=False, ignore_label=2).flatten().tolist() == [0, 1, 0]
    assert target.flatten().tolist() == [0, 1, 2]


@pytest.mark.parametrize("dtype", [torch.bool, torch.float32])
def test_regions_name_ignored_voxels_in_their_last_channel(dtype):
    target = torch.cat([volume(1, 0, 1), volume(0, 0, 1), volume(0, 1, 1)], dim=1).to(dtype)
    assert valid_voxels(target, is_regions=True, ignore_label=3).flatten().tolist() == [True, False, False]
    assert torch.equal(without_ignored(target, is_regions=True, ignore_label=3), target[:, :2])


def test_classes_go_through_all_settings():
    torch.manual_seed(0)
    logits, target, distance = torch.randn(1, 2, 1, 1, 4), volume(0, 1, 1, 2), volume(0, 2, 9, 0)
    settings = LossSettings(gamma=1.0, weighted_mean=True)
    loss = DistanceWeightedFocalLoss(settings, is_regions=False, ignore_label=2)(logits, target, distance)
    expected = focal_by_voxel(
        logits.numpy(), target.numpy(), distance.numpy(), gamma=1, ignore_label=2, weighted_mean=True
    )
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    assert distance.flatten().tolist() == [0, 2, 9, 0]


def test_regions_go_through_all_settings():
    torch.manual_seed(0)
    logits = torch.randn(1, 2, 1, 1, 3)
    target = torch.cat([volume(1, 1, 0), volume(0, 1, 0), volume(0, 0, 1)], dim=1)
    distance = torch.cat([volume(3, 8, 0), volume(0, 1, 0)], dim=1)
    settings = LossSettings(gamma=1.0, weighted_mean=False)
    loss = DistanceWeightedFocalLoss(settings, is_regions=True, ignore_label=9)(logits, target, distance)
    expected = region_focal_by_voxel(
        logits.numpy(),
        target[:, :2].numpy(),
        distance.numpy(),
        gamma=1,
        valid=(target[:, 2:] == 0).numpy(),
    )
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_without_distance_alpha_is_1():
    logits, target = torch.randn(1, 2, 1, 1, 3), volume(0, 1, 1)
    loss = DistanceWeightedFocalLoss(LossSettings(), is_regions=False, ignore_label=None)(logits, target, None)
    assert loss.item() == pytest.approx(focal_by_voxel(logits.numpy(), target.numpy()), rel=1e-5)
