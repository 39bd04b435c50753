import numpy as np
import pytest

from nnunet_cscn.data.distance import distance_to_border, distance_to_region_borders, excess_weight

from .all_pairs import distance_by_all_pairs


def blobs(seed, shape=(5, 6, 7), labels=3):
    """Touching blocks of labels with holes. Some reach the edge of the volume."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, labels + 1, size=tuple(-(-edge // 3) for edge in shape))
    volume = coarse.repeat(3, 0).repeat(3, 1).repeat(3, 2)[tuple(slice(edge) for edge in shape)]
    return np.where(random.random(shape) < 0.1, 0, volume)


def test_one_voxel_at_1_mm_has_distance_1():
    volume = np.zeros((3, 3, 3), dtype=np.uint8)
    volume[1, 1, 1] = 1
    assert distance_to_border(volume, (1, 1, 1))[1, 1, 1] == 1.0


def test_on_a_1_mm_grid_no_distance_inside_is_below_1():
    volume = blobs(0, shape=(9, 9, 9))
    distance = distance_to_border(volume, (1.0, 1.0, 1.0))
    assert distance[volume > 0].min() == 1.0
    assert distance[volume == 0].max() == 0.0


def test_the_nearest_axis_in_mm_counts():
    volume = np.zeros((5, 5, 5), dtype=np.int16)
    volume[1:4, 1:4, 1:4] = 1
    distance = distance_to_border(volume, (3.0, 0.5, 2.0))
    assert distance[2, 2, 2] == 1.0  # two voxels of 0.5 mm
    assert distance[2, 1, 2] == 0.5


def test_diagonals_are_straight_lines():
    volume = np.ones((3, 3), dtype=np.int8)
    volume[0, 0] = 0
    assert distance_to_border(volume, (3.0, 4.0))[1, 1] == 5.0


def test_touching_labels_border_on_each_other():
    assert distance_to_border(np.array([[1, 1, 1, 2, 2]]), (1.0, 1.0)).tolist() == [[3, 2, 1, 1, 2]]


def test_the_end_of_the_volume_is_no_border():
    assert distance_to_border(np.array([[1, 1, 1, 0]]), (1.0, 2.0)).tolist() == [[6, 4, 2, 0]]


@pytest.mark.parametrize("edge", ["background", "surface"])
def test_a_volume_without_any_border_has_distance_0(edge):
    assert distance_to_border(np.ones((3, 3, 3), dtype=int), (1, 1, 1), edge=edge).max() == 0
    assert distance_to_border(np.zeros((3, 3, 3), dtype=int), (1, 1, 1), edge=edge).max() == 0
    ignored = np.array([[1, 1, 9, 9]])
    assert distance_to_border(ignored, (1, 1), ignore_label=9, edge=edge).max() == 0


def test_an_ignored_voxel_makes_no_border_and_has_no_distance():
    row = np.array([[0, 1, 1, 9, 9]])
    assert distance_to_border(row, (1, 1), ignore_label=9).tolist() == [[0, 1, 2, 0, 0]]
    assert distance_to_border(row, (1, 1)).tolist() == [[0, 1, 1, 1, 2]]


def test_a_true_border_behind_ignored_voxels_is_found():
    assert distance_to_border(np.array([[1, 9, 9, 9, 0]]), (1, 1), ignore_label=9).tolist() == [[4, 0, 0, 0, 0]]


def test_edge_surface_is_0_on_the_outermost_voxels():
    row = np.array([[0, 1, 1, 1, 1, 1, 0]])
    assert distance_to_border(row, (1.0, 0.5), edge="surface").tolist() == [[0, 0, 0.5, 1, 0.5, 0, 0]]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0, 1.0), (3.0, 0.5, 0.7)])
@pytest.mark.parametrize("edge", ["background", "surface"])
@pytest.mark.parametrize("ignore_label", [None, 3])
def test_distances_are_those_of_all_pairs_of_voxels(seed, spacing_mm, edge, ignore_label):
    volume = blobs(seed)
    distance = distance_to_border(volume, spacing_mm, ignore_label=ignore_label, edge=edge)
    expected = distance_by_all_pairs(volume, spacing_mm, ignore_label=ignore_label, edge=edge)
    np.testing.assert_allclose(distance, expected, rtol=1e-6)
    assert distance.dtype == np.float32


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("ignore_label", [None, 3])
def test_each_region_has_the_distances_of_its_merged_labels(seed, ignore_label):
    volume, spacing_mm = blobs(seed), (2.0, 1.0, 0.5)
    maps = distance_to_region_borders(volume, [(1, 2), 2], spacing_mm, ignore_label=ignore_label)
    assert maps.shape == (2, *volume.shape)
    for one, members in zip(maps, [(1, 2), (2,)], strict=True):
        merged = np.where(np.isin(volume, members), 1, 0)
        merged[volume == ignore_label] = 9
        np.testing.assert_allclose(one, distance_by_all_pairs(merged, spacing_mm, ignore_label=9), rtol=1e-6)


def test_the_inner_border_of_overlapping_regions_concerns_the_inner_one_alone():
    whole, inner = distance_to_region_borders(np.array([[0, 1, 2, 2, 1, 0]]), [[1, 2], [2]], (1.0, 1.0))
    assert whole.tolist() == [[0, 1, 2, 2, 1, 0]]
    assert inner.tolist() == [[0, 0, 1, 1, 0, 0]]


def test_the_labels_are_left_as_they_are():
    volume = blobs(0)
    kept = volume.copy()
    distance_to_region_borders(volume, [(1, 2)], (1, 1, 1), ignore_label=3)
    assert np.array_equal(volume, kept)


@pytest.mark.parametrize(
    "spacing_mm", [(1, 1), (1, 1, 1, 1), (1, 0, 1), (1, -1, 1), (1, float("nan"), 1), (1, float("inf"), 1)]
)
def test_a_spacing_that_is_not_three_positive_numbers_is_refused(spacing_mm):
    with pytest.raises(ValueError, match="spacing_mm"):
        distance_to_border(np.zeros((2, 2, 2), dtype=int), spacing_mm)


@pytest.mark.parametrize("dtype", [np.float32, bool])
def test_labels_that_are_not_integers_are_refused(dtype):
    with pytest.raises(ValueError, match=f"labels: .*{np.dtype(dtype)}"):
        distance_to_border(np.zeros((2, 2, 2), dtype=dtype), (1, 1, 1))


def test_normalised_weights_leave_every_label_its_share_of_the_voxels():
    labels = np.zeros((9, 12, 10), dtype=np.int16)
    labels[1:8, 1:9, 2:9] = 1
    labels[3:5, 4:6, 4:6] = 2
    distance = distance_to_border(labels, (3.0, 1.0, 0.5))
    insides = [labels == 1, labels == 2]
    alpha = 1 + excess_weight(distance, insides, normalised=True)
    for inside in insides:
        assert alpha[inside].sum() == pytest.approx(inside.sum(), rel=1e-5)
        # the shape of Eq. 7 is kept: the same ratio to d + 1 everywhere
        ratio = alpha[inside] / (distance[inside] + 1)
        np.testing.assert_allclose(ratio, ratio[0], rtol=1e-5)
    assert (alpha[labels == 0] == 1).all()


@pytest.mark.parametrize("normalised", [False, True])
def test_a_cap_bounds_the_distance_before_anything_else(normalised):
    distance, inside = np.float32([0, 1, 2, 6]), np.array([False, True, True, True])
    excess = excess_weight(distance, [inside], cap_mm=2.0, normalised=normalised)
    # alpha 2, 3, 3; their mean is 8 / 3
    expected = [0, 2 * 3 / 8 - 1, 3 * 3 / 8 - 1, 3 * 3 / 8 - 1] if normalised else [0, 1, 2, 2]
    np.testing.assert_allclose(excess, expected, rtol=1e-6)
    assert distance.tolist() == [0, 1, 2, 6]


def test_a_label_without_voxels_has_no_weight_to_share():
    nothing = np.zeros(3, dtype=np.float32)
    assert excess_weight(nothing, [np.zeros(3, dtype=bool)], normalised=True).tolist() == [0, 0, 0]
