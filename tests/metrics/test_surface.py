import math

import numpy as np
import pytest

import brute_force
from nnunet_cscn.metrics import surface
from nnunet_cscn.metrics.surface import surface_distances, surface_voxels


def volume(*ones, shape=(6, 8, 10)):
    mask = np.zeros(shape, dtype=bool)
    for one in ones:
        mask[one] = True
    return mask


BOX = np.s_[1:4, 1:5, 1:6]


def test_the_surface_of_a_cube_is_all_but_its_inside():
    assert surface_voxels(volume(np.s_[1:6, 1:6, 1:6], shape=(7, 7, 7))).sum() == 5**3 - 3**3


def test_the_border_of_the_array_counts_as_background():
    assert surface_voxels(np.ones((3, 4, 5), dtype=bool)).sum() == 3 * 4 * 5 - 1 * 2 * 3


def test_an_edge_or_corner_neighbour_makes_no_surface():
    mask = np.ones((5, 5, 5), dtype=bool)
    mask[1, 1, 2] = mask[1, 1, 1] = False
    surface = surface_voxels(mask)
    assert surface[2, 1, 2]
    assert not surface[2, 2, 2]


@pytest.mark.parametrize("shape", [(1, 4, 4), (4, 1, 4), (4, 4, 1), (1, 1, 1)])
def test_a_volume_one_voxel_thick_is_all_surface(shape):
    assert surface_voxels(np.ones(shape, dtype=bool)).all()


def test_finding_the_surface_leaves_the_mask_alone():
    mask = volume(BOX)
    before = mask.copy()
    surface_voxels(mask)
    assert np.array_equal(mask, before)


def test_equal_masks_are_at_distance_zero():
    distances = surface_distances(volume(BOX), volume(BOX), (3.0, 1.0, 1.0))
    assert (distances.assd_mm, distances.hd95_mm) == (0, 0)


def test_two_single_voxels_are_their_centres_distance_apart():
    distances = surface_distances(volume((0, 0, 0)), volume((2, 3, 1)), (3.0, 1.0, 2.0))
    assert distances.assd_mm == pytest.approx(math.sqrt(6**2 + 3**2 + 2**2), abs=1e-12)
    assert distances.hd95_mm == pytest.approx(7.0, abs=1e-12)


def test_assd_is_the_mean_of_both_means_and_not_of_all_distances():
    """A single voxel against a row of three: 0 one way, (0 + 1 + 2) / 3 the other way; pooled it would be 3 / 4."""
    distances = surface_distances(volume((0, 0, 0)), volume(np.s_[0, 0, 0:3]), (1.0, 1.0, 1.0))
    assert distances.assd_mm == (0 + 1) / 2


def test_hd95_interpolates_and_takes_the_larger_direction():
    """The distances 0, 1, 2 have their 95th percentile at rank 1.9."""
    for first, second in ((np.s_[0, 0, 0], np.s_[0, 0, 0:3]), (np.s_[0, 0, 0:3], np.s_[0, 0, 0])):
        distances = surface_distances(volume(first), volume(second), (1.0, 1.0, 1.0))
        assert distances.hd95_mm == pytest.approx(1.9, abs=1e-12)


def test_parallel_plates_are_their_gap_apart():
    distances = surface_distances(volume(np.s_[1, :, :]), volume(np.s_[4, :, :]), (2.5, 1.0, 1.0))
    assert (distances.assd_mm, distances.hd95_mm) == (7.5, 7.5)


def test_concentric_cubes():
    """A cube of 5 around a cube of 1: the mean distance of its 98 surface voxels outward, 2 (the nearest) inward."""
    outer, inner = volume(np.s_[1:6, 1:6, 1:6], shape=(7, 7, 7)), volume((3, 3, 3), shape=(7, 7, 7))
    outward = [
        math.hypot(z, y, x)
        for z in range(-2, 3)
        for y in range(-2, 3)
        for x in range(-2, 3)
        if max(abs(z), abs(y), abs(x)) == 2
    ]
    assert len(outward) == 98
    distances = surface_distances(outer, inner, (1.0, 1.0, 1.0))
    assert distances.assd_mm == pytest.approx((sum(outward) / 98 + 2.0) / 2, abs=1e-12)


@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0, 1.0), (3.27, 0.98, 0.98), (0.5, 2.0, 0.7)])
@pytest.mark.parametrize("seed", range(6))
def test_random_shapes_agree_with_all_pairs(seed, spacing_mm):
    random = np.random.default_rng(seed)
    first, second = brute_force.random_blob(random, (7, 8, 9)), brute_force.random_blob(random, (7, 8, 9))
    distances = surface_distances(first, second, spacing_mm)
    assd, hd95 = brute_force.assd_and_hd95_mm(first, second, spacing_mm)
    assert distances.assd_mm == pytest.approx(assd, abs=1e-9)
    assert distances.hd95_mm == pytest.approx(hd95, abs=1e-9)


def test_far_voxels_are_measured_too():
    first, second = volume(BOX, (5, 7, 9)), volume(BOX)
    expected = brute_force.assd_and_hd95_mm(first, second, (2.0, 1.0, 1.0))
    distances = surface_distances(first, second, (2.0, 1.0, 1.0))
    assert (distances.assd_mm, distances.hd95_mm) == pytest.approx(expected, abs=1e-9)


def test_distances_do_not_depend_on_the_order_in_memory():
    first, second = volume(BOX), volume(np.s_[2:5, 2:6, 2:9])
    turned = [np.asfortranarray(mask) for mask in (first, second)]
    expected = surface_distances(first, second, (3.0, 1.0, 2.0))
    assert surface_distances(turned[0], turned[1], (3.0, 1.0, 2.0)).assd_mm == expected.assd_mm


def test_one_empty_mask_is_infinitely_far():
    for first, second in ((volume(), volume(BOX)), (volume(BOX), volume())):
        distances = surface_distances(first, second, (1.0, 1.0, 1.0))
        assert (distances.assd_mm, distances.hd95_mm) == (math.inf, math.inf)


def test_two_empty_masks_have_no_distance():
    distances = surface_distances(volume(), volume(), (1.0, 1.0, 1.0))
    assert math.isnan(distances.assd_mm)
    assert math.isnan(distances.hd95_mm)


def test_what_lies_in_ignored_voxels_does_not_matter():
    reference, prediction, ignored = volume(BOX), volume(BOX), volume(np.s_[:, :, 5:])
    prediction[2, 2, 5:] = True
    distances = surface_distances(prediction, reference, (3.0, 1.0, 1.0), ignored=ignored)
    assert distances.assd_mm == 0


def test_a_slice_between_ignored_slices_is_compared_by_its_contour():
    """Sparse annotation: the faces towards the ignored slices are no surface, so only the squares' outlines count."""
    reference, prediction, ignored = (
        volume(np.s_[:, 1:7, 1:7]),
        volume(np.s_[:, 1:7, 2:8]),
        volume(np.s_[:2], np.s_[3:]),
    )
    distances = surface_distances(prediction, reference, (3.0, 1.0, 1.0), ignored=ignored)
    assert distances.reference_to_prediction_mm.size == 4 * 5
    expected = brute_force.assd_and_hd95_mm(prediction & ~ignored, reference & ~ignored, (3.0, 1.0, 1.0), ignored)
    assert (distances.assd_mm, distances.hd95_mm) == pytest.approx(expected, abs=1e-9)


def test_a_mask_whose_whole_border_is_ignored_keeps_its_hull_as_surface():
    reference = volume(np.s_[1:5, 1:5, 1:5])
    ignored = volume(np.s_[0:6, 0:6, 0:6]) & ~reference
    assert surface_distances(reference, reference, (1.0, 1.0, 1.0), ignored=ignored).assd_mm == 0
    smaller = volume(np.s_[1:5, 1:5, 1:3])
    distances = surface_distances(smaller, reference, (1.0, 1.0, 1.0), ignored=ignored)
    assert distances.prediction_to_reference_mm.size == 4 * 4  # the face towards background inside the cube
    assert 0 < distances.assd_mm < math.inf


@pytest.mark.parametrize("seed", range(4))
def test_random_ignored_voxels_agree_with_all_pairs(seed):
    random = np.random.default_rng(seed)
    first, second = brute_force.random_blob(random, (6, 7, 8)), brute_force.random_blob(random, (6, 7, 8))
    ignored = random.random((6, 7, 8)) < 0.2
    distances = surface_distances(first, second, (2.0, 1.0, 1.5), ignored=ignored)
    expected = brute_force.assd_and_hd95_mm(first & ~ignored, second & ~ignored, (2.0, 1.0, 1.5), ignored)
    assert (distances.assd_mm, distances.hd95_mm) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("spacing_mm", [(1.0, 0.0, 1.0), (1.0, 1.0), (1.0, 1.0, math.nan)])
def test_a_bad_spacing_is_refused(spacing_mm):
    with pytest.raises(ValueError, match="spacing_mm"):
        surface_distances(volume(BOX), volume(BOX), spacing_mm)


def test_unequal_shapes_are_refused():
    with pytest.raises(ValueError, match="shape"):
        surface_distances(np.ones((4, 4, 4)), np.ones((4, 4, 1)), (1.0, 1.0, 1.0))


@pytest.mark.parametrize("seed", range(5))
def test_the_surface_of_sparse_masks_is_the_same_as_that_of_dense_ones(seed):
    random = np.random.default_rng(seed)
    mask = np.zeros((20, 30, 40), dtype=bool)
    z, y, x = (int(random.integers(0, edge - 4)) for edge in mask.shape)
    mask[z : z + 5, y : y + 4, x : x + 6] = True  # may stand at the border
    mask |= random.random(mask.shape) < 0.002
    assert mask.sum() * surface.SPARSE < mask.size
    sparse = surface._surface_indices(mask, None)
    assert sparse.tolist() == np.flatnonzero(surface_voxels(mask)).tolist()


def test_a_full_line_of_voxels_from_border_to_border_is_all_surface():
    mask = np.zeros((9, 9, 60), dtype=bool)
    mask[4, 4] = True
    assert surface._surface_indices(mask, None).size == 60
