import numpy as np
import pytest
from nnunetv2.postprocessing.remove_connected_components import remove_all_but_largest_component_from_segmentation
from scipy import ndimage

from nnunet_cscn.postprocessing.steps import LabelPostprocessing, LabelSteps, apply_steps, fill_holes

VOXEL_ML = 0.1


def apply(label_map, *steps_of_labels, **probabilities):
    wanted = [LabelPostprocessing(f"label_{value}", (value,), steps) for value, steps in steps_of_labels]
    return apply_steps(label_map, wanted, voxel_ml=VOXEL_ML, probabilities=probabilities or None)


@pytest.fixture
def blobs():
    """Random blobs of two labels."""
    random = np.random.default_rng(0)
    smooth = ndimage.gaussian_filter(random.normal(size=(12, 24, 24)), 1.2)
    return np.where(smooth > 0.2, 1, np.where(smooth < -0.2, 2, 0)).astype(np.uint8)


def test_nothing_is_changed_without_steps(blobs):
    np.testing.assert_array_equal(apply(blobs, (1, LabelSteps()), (2, LabelSteps())), blobs)


def test_the_largest_component_is_that_of_nnunet(blobs):
    expected = remove_all_but_largest_component_from_segmentation(blobs, 1)
    found = apply(blobs, (1, LabelSteps(keep_largest=True)), (2, LabelSteps()))
    np.testing.assert_array_equal(found, expected)
    both = remove_all_but_largest_component_from_segmentation(expected, 2)
    np.testing.assert_array_equal(
        apply(blobs, (1, LabelSteps(keep_largest=True)), (2, LabelSteps(keep_largest=True))), both
    )


def test_small_components_are_those_that_scipy_counts(blobs):
    numbered, n = ndimage.label(blobs == 2, structure=np.ones((3, 3, 3)))
    sizes = ndimage.sum_labels(blobs == 2, numbered, range(1, n + 1))
    expected = blobs.copy()
    for index, size in enumerate(sizes, start=1):
        if size * VOXEL_ML < 0.75:
            expected[numbered == index] = 0
    assert (expected != blobs).any()
    found = apply(blobs, (1, LabelSteps()), (2, LabelSteps(min_ml=0.75)))
    np.testing.assert_array_equal(found, expected)


def test_holes_are_filled_but_never_with_voxels_of_another_label():
    label_map = np.ones((3, 5, 5), dtype=np.uint8)
    label_map[1, 2, 2] = 0
    label_map[1, 2, 3] = 2
    filled = apply(label_map, (1, LabelSteps(fill_holes=True)), (2, LabelSteps()))
    assert filled[1, 2, 2] == 1
    assert filled[1, 2, 3] == 2


def test_holes_are_those_that_scipy_fills(blobs):
    shell = ndimage.binary_dilation(blobs == 1, iterations=2)
    assert (ndimage.binary_fill_holes(shell) & ~shell).any()
    np.testing.assert_array_equal(fill_holes(shell), ndimage.binary_fill_holes(shell))


def test_labels_that_nothing_is_said_of_stay(blobs):
    found = apply(blobs, (1, LabelSteps(keep_largest=True)))
    np.testing.assert_array_equal(found == 2, blobs == 2)


def test_a_threshold_takes_a_voxel_for_the_more_probable_label():
    label_map = np.array([[[0, 0, 1, 2]]], dtype=np.uint8)
    first = np.array([[[102, 89, 204, 10]]], dtype=np.uint8)  # 0.4, 0.35, 0.8, 0.04
    second = np.array([[[51, 100, 10, 230]]], dtype=np.uint8)
    found = apply(label_map, (1, LabelSteps(threshold=0.35)), (2, LabelSteps()), label_1=first, label_2=second)
    assert found.ravel().tolist() == [1, 0, 1, 2]


def test_several_values_are_one_mask_as_a_region_of_nnunets(blobs):
    expected = remove_all_but_largest_component_from_segmentation(blobs, [1, 2])
    wanted = [LabelPostprocessing("whole", (1, 2), LabelSteps(keep_largest=True))]
    np.testing.assert_array_equal(apply_steps(blobs, wanted, voxel_ml=VOXEL_ML), expected)


def test_an_empty_label_map_stays_empty():
    empty = np.zeros((2, 3, 3), dtype=np.uint8)
    steps = LabelSteps(fill_holes=True, min_ml=1, keep_largest=True)
    assert not apply(empty, (1, steps)).any()
