import math

import numpy as np
import pytest
import torch
from scipy import ndimage, special

from nnunet_cscn.data.soft_augmentation import BlurProbabilities, DropBlob, JitterCalibration, soft_augmentation
from nnunet_cscn.settings.staged import SoftAugmentationSettings

SPACING_MM = (3.0, 1.0, 1.0)


@pytest.fixture
def probabilities():
    """Probabilities of two classes with a sum below 1, (2, 6, 16, 16)."""
    random = torch.Generator().manual_seed(0)
    return torch.randn((3, 6, 16, 16), generator=random).mul(2).softmax(dim=0)[1:]


def all_transforms():
    return (
        BlurProbabilities(2, SPACING_MM),
        DropBlob(2, SPACING_MM),
        JitterCalibration(2, are_regions=False),
        JitterCalibration(2, are_regions=True),
    )


@pytest.mark.parametrize("transform", all_transforms(), ids=lambda t: type(t).__name__)
def test_probabilities_stay_probabilities_and_the_image_stays(transform, probabilities):
    image = torch.randn(1, 6, 16, 16)
    for seed in range(10):
        torch.manual_seed(seed)
        shown = transform(image=torch.cat([image, probabilities]))["image"]
        assert torch.equal(shown[:1], image)
        assert shown[1:].min() >= 0
        assert shown[1:].max() <= 1
        if not getattr(transform, "are_regions", False):
            assert shown[1:].sum(dim=0).max() <= 1 + 1e-5
        assert not torch.equal(shown[1:], probabilities)


@pytest.mark.parametrize("transform", all_transforms(), ids=lambda t: type(t).__name__)
def test_the_same_parameters_give_the_same_result(transform, probabilities):
    data = {"image": torch.cat([torch.zeros(1, 6, 16, 16), probabilities])}
    parameters = transform.get_parameters(**data)
    assert all(isinstance(v, (int, float, list)) for v in parameters.values())  # plain values, which can be stored
    first, second = (transform.apply(dict(data), **parameters)["image"] for _ in range(2))
    assert torch.equal(first, second)
    torch.manual_seed(7)
    drawn = transform.get_parameters(**data)
    assert drawn != transform.get_parameters(**data)
    torch.manual_seed(7)
    assert drawn == transform.get_parameters(**data)


def test_the_blur_is_a_gaussian_in_mm(probabilities):
    blurred = BlurProbabilities(2, SPACING_MM).transform(probabilities, sigma_mm=1.5)
    expected = [
        ndimage.gaussian_filter(channel, sigma=(0.5, 1.5, 1.5), mode="nearest", radius=(2, 5, 5))
        for channel in probabilities.double().numpy()
    ]
    assert np.abs(blurred.numpy() - np.stack(expected)).max() < 1e-6


def test_the_blur_of_a_small_part_leaves_the_rest_alone():
    volume = torch.full((1, 12, 40, 40), 1e-4)
    volume[0, 5:7, 10:14, 12:20] = 0.9
    blurred = BlurProbabilities(1, SPACING_MM).transform(volume, sigma_mm=1.5)
    expected = ndimage.gaussian_filter(volume[0].numpy(), sigma=(0.5, 1.5, 1.5), mode="nearest", radius=(2, 5, 5))
    assert np.abs(blurred[0].numpy() - expected).max() < 1e-6
    assert torch.equal(blurred[0, :, 20:], volume[0, :, 20:])


def test_where_there_is_no_foreground_nothing_is_blurred():
    empty = torch.full((2, 4, 5, 6), 1e-4)
    assert torch.equal(BlurProbabilities(2, SPACING_MM).transform(empty, sigma_mm=1.5), empty)


def test_calibration_is_the_same_for_likely_and_unlikely_neighbours():
    row = torch.linspace(0.0, 0.01, 200).reshape(1, 1, 1, 200)  # no new edges
    changed = JitterCalibration(1, are_regions=True).transform(row, temperature=2.0, bias=1.0)[0, 0, 0]
    steps = changed.diff()[1:]
    assert steps.min() > 0
    assert steps.max() < 0.02


def test_a_constant_is_not_changed_by_the_blur():
    constant = torch.full((1, 5, 7, 9), 0.3)
    assert torch.allclose(BlurProbabilities(1, SPACING_MM).transform(constant, sigma_mm=4.0), constant)


def test_a_blob_is_lost_around_its_centre_as_the_formula_says():
    ones = torch.ones(1, 5, 9, 9)
    left = DropBlob(1, SPACING_MM).transform(ones, centre=[2, 4, 4], radius_mm=3.0, strength=0.8)
    assert left[0, 2, 4, 4].item() == pytest.approx(0.2)
    assert left[0, 3, 4, 4].item() == pytest.approx(1 - 0.8 * math.exp(-0.5))  # a slice away: 3 mm
    assert left[0, 2, 4, 7].item() == pytest.approx(1 - 0.8 * math.exp(-0.5))  # three voxels: 3 mm
    assert left[0, 2, 4, 8].item() == pytest.approx(1 - 0.8 * math.exp(-16 / 18))


def test_a_blob_lies_in_the_foreground_where_there_is_any():
    probabilities = torch.zeros(2, 6, 16, 16)
    probabilities[1, 4, 3:5, 10] = 0.9
    drop = DropBlob(2, SPACING_MM)
    centres = {tuple(drop.get_parameters(image=probabilities)["centre"]) for _ in range(40)}
    assert centres == {(4, 3, 10), (4, 4, 10)}
    anywhere = {tuple(drop.get_parameters(image=torch.zeros(2, 6, 16, 16))["centre"]) for _ in range(40)}
    assert len(anywhere) > 20


def test_calibration_of_classes_is_a_softmax_of_changed_logits(probabilities):
    changed = JitterCalibration(2, are_regions=False).transform(probabilities, temperature=1.7, bias=0.6)
    background = 1 - probabilities.sum(dim=0, keepdim=True)
    logits = np.log(torch.cat([background, probabilities]).double().numpy()) / 1.7
    logits[1:] += 0.6
    assert np.abs(changed.numpy() - special.softmax(logits, axis=0)[1:]).max() < 1e-5


def test_calibration_of_a_single_class_is_the_same_softmax(probabilities):
    single = probabilities[:1]
    changed = JitterCalibration(1, are_regions=False).transform(single, temperature=0.6, bias=-0.7)
    logits = np.log(torch.cat([1 - single, single]).double().numpy()) / 0.6
    logits[1:] -= 0.7
    assert np.abs(changed.numpy() - special.softmax(logits, axis=0)[1:]).max() < 1e-5


def test_calibration_of_regions_is_a_sigmoid_of_each(probabilities):
    changed = JitterCalibration(2, are_regions=True).transform(probabilities, temperature=0.5, bias=-0.4)
    expected = special.expit(special.logit(probabilities.double().numpy()) / 0.5 - 0.4)
    assert np.abs(changed.numpy() - expected).max() < 1e-5


def test_neutral_parameters_change_nothing(probabilities):
    for are_regions in (False, True):
        jitter = JitterCalibration(2, are_regions=are_regions)
        assert torch.allclose(jitter.transform(probabilities, temperature=1.0, bias=0.0), probabilities, atol=1e-5)
    assert torch.equal(
        DropBlob(2, SPACING_MM).transform(probabilities, centre=[0, 0, 0], radius_mm=5.0, strength=0.0), probabilities
    )


@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0), (3.0, 1.0, 1.0)])
def test_certain_probabilities_stay_finite_in_any_number_of_dimensions(spacing_mm):
    size = (8,) * len(spacing_mm)
    certain = torch.stack([torch.ones(size), torch.zeros(size)])
    for are_regions in (False, True):
        for transform in soft_augmentation(SoftAugmentationSettings(1, 1, 1), 2, spacing_mm, are_regions=are_regions):
            assert torch.isfinite(transform(image=torch.cat([torch.zeros(1, *size), certain]))["image"]).all()


def test_a_probability_of_zero_leaves_a_transform_out():
    settings = SoftAugmentationSettings(jitter=0.5, blur=0.0, dropout=0.0)
    (only,) = soft_augmentation(settings, 2, SPACING_MM, are_regions=False)
    assert isinstance(only.transform, JitterCalibration)
    assert only.apply_probability == 0.5
