"""Extra channels in nnU-Net's own augmentation."""

import numpy as np
import pytest
import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from nnunet_cscn.data.channels import with_extra_channels

PATCH = (12, 24, 24)
SCALES = [[1, 1, 1], [1, 0.5, 0.5], [0.5, 0.25, 0.25]]


def ball(centre, radius, shape=(16, 34, 34)):
    axes = np.meshgrid(*(np.arange(edge) for edge in shape), indexing="ij")
    return sum(((axis - c) / r) ** 2 for axis, c, r in zip(axes, centre, radius, strict=True)) <= 1


def training_transforms(*, n_extra, regions=None, ignore_label=None, dummy_2d=False):
    transforms = nnUNetTrainer.get_training_transforms(
        PATCH,
        (-np.pi, np.pi),
        SCALES,
        (0, 1, 2),
        dummy_2d,
        use_mask_for_norm=[False, False],
        regions=regions,
        ignore_label=ignore_label,
    )
    return with_extra_channels(transforms, n_targets=n_extra)


def augmented(transforms, image, labels, extra, seed):
    torch.manual_seed(seed)
    np.random.seed(seed)
    return transforms(
        image=torch.cat([image, torch.as_tensor(np.stack(extra)).float()]),
        segmentation=torch.as_tensor(labels, dtype=torch.int16)[None],
    )


@pytest.fixture(scope="module")
def labels():
    volume = np.zeros((16, 34, 34), dtype=np.int16)
    volume[ball((7, 15, 18), (5, 9, 7))] = 1
    volume[ball((8, 17, 17), (3, 4, 5))] = 2
    return volume


@pytest.fixture(scope="module")
def image():
    return torch.from_numpy(np.random.default_rng(0).normal(0, 5, size=(2, 16, 34, 34)).astype(np.float32))


@pytest.mark.parametrize("dummy_2d", [False, True])
def test_the_carried_map_moves_with_the_labels_and_keeps_its_values(labels, image, dummy_2d):
    transforms = training_transforms(n_extra=1, dummy_2d=dummy_2d)
    if dummy_2d:  # nnU-Net then cuts the slices to the patch beforehand
        labels, image = labels[2:14], image[:, 2:14]
    untouched = torch.as_tensor(labels if dummy_2d else labels[2:14])[:, 5:29, 5:29]
    moved = 0
    for seed in range(12):
        result = augmented(transforms, image, labels, [labels > 0], seed)
        *targets, carried = result["segmentation"]
        assert [tuple(t.shape) for t in targets] == [(1, 12, 24, 24), (1, 12, 12, 12), (1, 6, 6, 6)]
        assert result["image"].shape == (2, *PATCH)
        assert carried.shape == (1, *PATCH)
        differing = ((carried > 0.5) != (targets[0] > 0)).float().mean()
        assert differing <= 1e-3
        assert -2e-6 <= carried.min() <= carried.max() <= 1 + 2e-6  # no noise, brightness, contrast or gamma
        moved += not torch.equal(targets[0][0], untouched)
    assert moved >= 8


def test_each_regions_map_moves_with_its_region(labels, image):
    transforms = training_transforms(n_extra=2, regions=[(1, 2), (2,)], ignore_label=3)
    with_ignored = np.where(ball((8, 8, 25), (3, 3, 3)), 3, labels)
    inside = [np.isin(with_ignored, members) for members in [(1, 2), (2,)]]
    for seed in range(8):
        *targets, carried = augmented(transforms, image, with_ignored, inside, seed)["segmentation"]
        assert [len(t) for t in targets] == [3, 3, 3]  # two regions, and where nothing is known
        assert ((carried > 0.5) != (targets[0][:2] > 0)).float().mean() <= 2e-3


def test_distances_in_mm_are_interpolated_and_not_rescaled(image):
    everywhere_7 = np.full((16, 34, 34), 7.0)
    transforms = training_transforms(n_extra=1)
    for seed in range(6):
        carried = augmented(transforms, image, np.ones((16, 34, 34)), [everywhere_7], seed)["segmentation"][-1]
        assert carried.max().item() == pytest.approx(7.0, abs=1e-4)
        assert carried[0, 6, 12, 12].item() == pytest.approx(7.0, abs=1e-4)


def test_validation_carries_them_unchanged(labels, image):
    transforms = with_extra_channels(nnUNetTrainer.get_validation_transforms(SCALES), n_targets=1)
    result = augmented(transforms, image, labels, [labels * 2.5], 0)
    assert torch.equal(result["image"], image)
    assert torch.equal(result["segmentation"][-1][0], torch.as_tensor(labels * 2.5).float())
    assert len(result["segmentation"]) == 4
