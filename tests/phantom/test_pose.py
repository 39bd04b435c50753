import numpy as np

from nnunet_cscn.phantom.grid import Grid
from nnunet_cscn.phantom.pose import random_pose

GRID = Grid((21, 61, 61), (3.0, 1.0, 1.0))


def test_a_point_of_the_head_is_found_again_at_its_voxel():
    random = np.random.default_rng(0)
    pose = random_pose(random, largest_shift_mm=(5.0, 5.0, 5.0))
    coordinates = pose.coordinates(random, GRID)
    point = np.array([6.0, -8.0, 3.0])
    z, y, x = (
        round(offset / step + (count - 1) / 2)
        for offset, step, count in zip(pose.to_image(point), GRID.spacing_mm, GRID.shape, strict=True)
    )
    found = [coordinate[z, y, x] for coordinate in coordinates]
    np.testing.assert_allclose(found, point, atol=9.0)  # three standard deviations of the deformation, and half a voxel


def test_poses_differ_and_stay_within_the_largest_shift():
    random = np.random.default_rng(0)
    shifts = np.array([random_pose(random, largest_shift_mm=(10.0, 15.0, 20.0)).shift_mm for _ in range(200)])
    assert (np.abs(shifts).max(axis=0) <= (10, 15, 20)).all()
    assert (np.ptp(shifts, axis=0) > (16, 26, 36)).all()


def test_a_head_that_is_cut_off_is_not_moved_up():
    random = np.random.default_rng(0)
    poses = [random_pose(random, largest_shift_mm=(15.0, 20.0, 20.0), largest_shift_z_mm=-7.0) for _ in range(50)]
    assert max(pose.shift_mm[0] for pose in poses) <= -7
