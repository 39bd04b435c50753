import numpy as np
import pytest

from nnunet_cscn.phantom.grid import Grid
from nnunet_cscn.phantom.scene import Scene
from nnunet_cscn.phantom.tissues import Tissue
from nnunet_cscn.phantom.tumour import grow_tumour

GRID = Grid((20, 60, 60), (3.0, 1.0, 1.0))


def scene(structures, tissues, origin_mm=(0.0, 0.0, 0.0)) -> Scene:
    return Scene(GRID, structures.astype(np.int16), tissues, origin_mm)


@pytest.mark.parametrize("seed", range(4))
def test_volume_is_between_5_and_40_ml(seed):
    mask = grow_tumour(np.random.default_rng(seed), scene(np.zeros(GRID.shape), (Tissue.MUSCLE,)))
    assert 5 <= np.count_nonzero(mask) * 0.003 <= 40


def test_a_wall_of_bone_is_not_crossed():
    structures = np.zeros(GRID.shape)
    structures[:, :, 35:37] = 1
    mask = grow_tumour(np.random.default_rng(0), scene(structures, (Tissue.MUSCLE, Tissue.CORTEX)))
    assert mask[:, :, 34].any()
    assert not mask[:, :, 35:].any()


def test_growth_is_faster_in_mucosa_than_in_muscle():
    structures = np.zeros(GRID.shape)
    structures[:, :, 30:] = 1
    found = scene(structures, (Tissue.MUSCLE, Tissue.MUCOSA))
    masks = [grow_tumour(np.random.default_rng(seed), found) for seed in range(5)]
    assert np.sum([mask[:, :, 30:] for mask in masks]) > 2 * np.sum([mask[:, :, :30] for mask in masks])


def test_an_origin_in_bone_moves_to_the_nearest_soft_tissue():
    structures = np.ones(GRID.shape)
    structures[:, :, :25] = 0
    mask = grow_tumour(np.random.default_rng(0), scene(structures, (Tissue.MUSCLE, Tissue.CORTEX)))
    assert mask[10, 25:35, 24].any()
    assert not mask[:, :, 25:].any()
