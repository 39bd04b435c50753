import numpy as np
import pytest
from scipy import ndimage

import brute_force
from nnunet_cscn.metrics import masks
from nnunet_cscn.metrics.components import components


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("density", [0.02, 0.15, 0.4])
def test_parts_are_those_of_loops_and_of_scipy(seed, density):
    random = np.random.default_rng(seed)
    mask = random.random(random.integers(1, 9, 3)) < density
    found = components(mask)
    voxels, numbers = np.flatnonzero(mask), found.of_voxels(np.arange(found.n))
    parts = {frozenset(voxels[numbers == number].tolist()) for number in range(found.n)}
    by_loops = {
        frozenset(int(np.ravel_multi_index(voxel, mask.shape)) for voxel in part)
        for part in brute_force.components(mask)
    }
    assert parts == by_loops
    assert found.n == ndimage.label(mask, structure=np.ones((3, 3, 3)))[1]
    assert sorted(found.sizes.tolist()) == sorted(map(len, by_loops))


def test_lines_do_not_run_on_into_the_next():
    mask = np.zeros((1, 3, 4), dtype=bool)
    mask[0, 0, 3] = mask[0, 1, 0] = True  # neighbours in memory, but not in space
    assert components(mask).n == 2


def test_slices_do_not_run_on_into_the_next():
    mask = np.zeros((2, 3, 4), dtype=bool)
    mask[0, 2, 1] = mask[1, 0, 1] = True
    assert components(mask).n == 2


def test_an_empty_mask_has_no_part():
    assert components(np.zeros((2, 3, 4), dtype=bool)).n == 0


@pytest.mark.parametrize("seed", range(6))
def test_counts_in_parts_are_those_of_loops(seed):
    random = np.random.default_rng(seed)
    mask, other = random.random((2, *random.integers(1, 9, 3))) < 0.3
    ours, theirs = components(mask), components(other)
    voxels, numbers = np.flatnonzero(mask).tolist(), ours.of_voxels(np.arange(ours.n)).tolist()
    number_of = dict(zip(voxels, numbers, strict=True))
    their_number_of = dict(
        zip(np.flatnonzero(other).tolist(), theirs.of_voxels(np.arange(theirs.n)).tolist(), strict=True)
    )
    inside, shared = np.zeros(ours.n, int), np.zeros((ours.n, theirs.n), int)
    for voxel in number_of.keys() & their_number_of.keys():
        inside[number_of[voxel]] += 1
        shared[number_of[voxel], their_number_of[voxel]] += 1
    assert ours.sums(other[mask]).tolist() == inside.tolist()
    assert ours.shared(theirs).tolist() == shared.tolist()


def test_a_volume_in_several_slabs_has_the_same_parts(monkeypatch):
    mask = np.random.default_rng(0).random((9, 7, 8)) < 0.3
    expected = components(mask)
    monkeypatch.setattr(masks, "SLAB_VOXELS", 2 * 7 * 8)
    found = components(mask)
    assert found.n == expected.n
    assert np.array_equal(found.numbers, expected.numbers)
    assert np.array_equal(found.starts, expected.starts)
