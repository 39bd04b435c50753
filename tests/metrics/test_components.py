import numpy as np
import pytest
from scipy import ndimage

import brute_force
from nnunet_cscn.metrics.components import components


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("density", [0.02, 0.15, 0.4])
def test_parts_are_those_of_loops_and_of_scipy(seed, density):
    random = np.random.default_rng(seed)
    mask = random.random(random.integers(1, 9, 3)) < density
    found = components(mask)
    parts = {frozenset(found.voxels[found.numbers == number].tolist()) for number in range(found.n)}
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
