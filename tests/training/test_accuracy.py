import math

import pytest
import torch
from torch import nn

from nnunet_cscn.training.accuracy import AccuracyMeter, voxel_accuracy


def logits_of(labels, n_classes=3):
    return nn.functional.one_hot(torch.tensor(labels), n_classes).movedim(-1, 1).float()


def test_accuracy_is_the_share_of_right_voxels():
    logits = logits_of([[[[0, 1, 2, 2]]]])
    target = torch.tensor([[[[[0, 1, 2, 1]]]]])
    assert voxel_accuracy(logits, target, are_regions=False, ignore_label=None) == 0.75


def test_ignored_voxels_do_not_count():
    logits = logits_of([[[[0, 1, 2, 2]]]])
    target = torch.tensor([[[[[0, 1, 3, 3]]]]])
    assert voxel_accuracy(logits, target, are_regions=False, ignore_label=3) == 1.0
    assert math.isnan(voxel_accuracy(logits, torch.full_like(target, 3), are_regions=False, ignore_label=3))


@pytest.mark.parametrize(("ignore_label", "expected"), [(None, 0.5), (4, 2 / 3)])
def test_of_regions_all_have_to_be_right(ignore_label, expected):
    logits = torch.tensor([[[[[1.0, -1.0, 1.0, 1.0]]], [[[1.0, -1.0, -1.0, 1.0]]]]])
    target = torch.tensor([[[[[1, 0, 1, 1]]], [[[1, 0, 1, 0]]]]]).bool()
    if ignore_label is not None:
        target = torch.cat([target, torch.tensor([[[[[0, 0, 1, 0]]]]]).bool()], dim=1)
    found = voxel_accuracy(logits, target, are_regions=True, ignore_label=ignore_label)
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("is_list", [True, False])
def test_the_meter_notes_full_resolution_of_each_batch_once(is_list):
    class Loss(nn.Module):
        def forward(self, output, target):
            return torch.zeros(())

    loss = Loss()
    meter = AccuracyMeter(loss, are_regions=False, ignore_label=None)
    right, wrong = logits_of([[[[0, 1]]]]), logits_of([[[[1, 0]]]])
    target = [torch.tensor([[[[[0, 1]]]]]), torch.tensor([[[[[0]]]]])]
    for logits in (right, wrong):
        loss([logits, logits[..., :1]] if is_list else logits, target)
    assert meter.pop_accuracies() == [1.0, 0.0]
    assert meter.pop_accuracies() == []
