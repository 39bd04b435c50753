import numpy as np
import pytest

from nnunet_cscn.conversion.moved_masks import moved_mask
from nnunet_cscn.nifti.grids import Grid

IDENTITY = (1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0)


def grid(shape, spacing, origin):
    return Grid(shape, spacing, origin, IDENTITY)


def ball(place):
    """Voxels (z, y, x) of a ball of 10 mm around (0, 0, 0)."""
    axes = [place.origin_mm[axis] + place.spacing_mm[axis] * np.arange(place.shape[axis]) for axis in range(3)]
    x, y, z = np.meshgrid(*axes, indexing="ij")
    return (x**2 + y**2 + z**2 <= 100).transpose(2, 1, 0)


def test_the_same_grid_gives_the_same_mask():
    place = grid((30, 30, 10), (1, 1, 3), (-14.5, -14.5, -13.5))
    moved, outside = moved_mask(ball(place), place, place)
    assert (moved == ball(place)).all()
    assert outside == 0


def test_a_ball_on_thick_slices_keeps_its_volume_on_thin_ones():
    thick, thin = grid((30, 30, 10), (1, 1, 3), (-14.5, -14.5, -13.5)), grid((50, 50, 50), (0.6,) * 3, (-14.7,) * 3)
    moved, outside = moved_mask(ball(thick), thick, thin)
    assert moved.sum() * 0.6**3 == pytest.approx(4 / 3 * np.pi * 1000, rel=0.04)
    assert outside == 0


def test_the_share_outside_the_target_is_told():
    place = grid((10, 4, 4), (1, 1, 1), (0, 0, 0))
    mask = np.zeros((4, 4, 10), bool)
    mask[1, 1, :8] = True
    moved, outside = moved_mask(mask, place, grid((6, 4, 4), (1, 1, 1), (0, 0, 0)))
    assert outside == pytest.approx(2 / 8)
    assert moved.sum() == 6


def test_an_axis_may_point_the_other_way():
    place = grid((4, 3, 2), (1, 1, 1), (0, 0, 0))
    turned = Grid((4, 3, 2), (1, 1, 1), (3, 2, 0), (-1.0, 0, 0, 0, -1.0, 0, 0, 0, 1.0))
    mask = np.zeros((2, 3, 4), bool)
    mask[1, 0, 1:3], mask[0, 2, 0] = True, True
    moved, _ = moved_mask(mask, place, turned)
    assert (moved == mask[:, ::-1, ::-1]).all()
