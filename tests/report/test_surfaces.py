import math

import numpy as np
import pytest

from nnunet_cscn.report.surfaces import nearest_corner, signed_distances_mm, simplified_surface, surface_of

SPACING_MM = (2.0, 1.0, 1.0)


def ball(radius_mm, shape=(24, 40, 40), shift_mm=0.0):
    z, y, x = np.indices(shape)
    squared = (2.0 * (z - 11)) ** 2 + (y - 19) ** 2 + (x - 19 - shift_mm) ** 2
    return squared <= radius_mm**2


def test_the_surface_of_a_ball_lies_at_its_radius_around_its_centre():
    surface = surface_of(ball(12.0), SPACING_MM)
    from_centre = surface.points_mm - np.array([22.0, 19.0, 19.0])
    radii = np.linalg.norm(from_centre, axis=1)
    assert np.abs(radii - 12.0).max() < 1.2  # half a voxel of 2 mm and what corners add
    assert abs(np.mean(radii) - 12.0) < 0.4
    corners = surface.points_mm[surface.triangles].astype(float)
    signed = np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6
    assert abs(signed.sum()) == pytest.approx(4 / 3 * math.pi * 12.0**3, rel=0.05)  # closed: it holds a volume


def test_a_mask_at_the_border_has_a_closed_surface():
    surface = surface_of(np.ones((2, 2, 2), bool), (1.0, 1.0, 1.0))
    assert surface.points_mm.min() == -0.5
    assert surface.points_mm.max() == 1.5


def test_large_surfaces_become_lighter_and_stay_in_place():
    mask = ball(12.0)
    fine = surface_of(mask, SPACING_MM)
    coarse = simplified_surface(fine, mask, SPACING_MM, max_corners=len(fine.points_mm) // 2)
    assert len(coarse.points_mm) <= len(fine.points_mm) // 2
    for axis in range(3):  # both ends, so that a shift along any axis would show
        for end in (np.min, np.max):
            assert end(coarse.points_mm[:, axis]) == pytest.approx(end(fine.points_mm[:, axis]), abs=SPACING_MM[axis])
    radii = np.linalg.norm(coarse.points_mm - np.array([22.0, 19.0, 19.0]), axis=1)
    assert np.abs(radii - 12.0).max() < 2.0


def test_the_finest_axes_become_coarser_first():
    mask = ball(12.0)
    spacing = (5.0, 1.0, 1.0)
    coarse = simplified_surface(surface_of(mask, spacing), mask, spacing, max_corners=900)
    heights = np.unique(np.round(coarse.points_mm[:, 0], 3))
    assert np.diff(heights).max() <= 5.0  # slices are as they were


def test_thin_masks_keep_their_surface():
    sheet = np.zeros((5, 64, 64), bool)
    sheet[2] = True
    fine = surface_of(sheet, SPACING_MM)
    coarse = simplified_surface(fine, sheet, SPACING_MM, max_corners=3000)
    assert 0 < len(coarse.points_mm) <= 3000 < len(fine.points_mm)
    comb = np.zeros((40, 40, 40), bool)
    comb[::2, ::2, ::2] = True  # single voxels: nothing is left of them on a coarser grid
    assert len(simplified_surface(surface_of(comb, SPACING_MM), comb, SPACING_MM, max_corners=50).points_mm) > 0


def test_a_surface_far_from_the_origin_lies_where_the_mask_does():
    mask = np.zeros((30, 50, 60), bool)
    mask[20:24, 40:44, 50:54] = True
    points = surface_of(mask, SPACING_MM).points_mm
    assert points.min(axis=0).tolist() == [19.5 * 2, 39.5, 49.5]
    assert points.max(axis=0).tolist() == [23.5 * 2, 43.5, 53.5]


def test_an_empty_mask_has_no_surface():
    assert surface_of(np.zeros((3, 3, 3), bool), SPACING_MM) is None


def distances(points, mask, spacing_mm=SPACING_MM):
    return signed_distances_mm(points, surface_of(mask, spacing_mm), mask, spacing_mm)


def test_distances_are_positive_outside_negative_inside_and_zero_on_the_surface():
    reference = ball(8.0)
    assert np.abs(distances(surface_of(reference, SPACING_MM).points_mm, reference)).max() == 0
    outer = distances(surface_of(ball(12.0), SPACING_MM).points_mm, reference)
    assert outer.min() > 0
    assert np.median(outer) == pytest.approx(4.0, abs=0.4)
    inner = distances(surface_of(ball(4.0), SPACING_MM).points_mm, reference)
    assert inner.max() < 0
    assert np.median(inner) == pytest.approx(-4.0, abs=0.5)


def test_points_beyond_the_volume_are_outside():
    reference = np.ones((4, 4, 4), bool)
    far = np.array([[20.0, 1.5, 1.5]], np.float32)
    # the surface ends 0.5 mm beyond the last centre: 3.5; its nearest corner is half a voxel aside on both axes
    (distance,) = distances(far, reference, (1.0, 1.0, 1.0))
    assert distance == pytest.approx(math.hypot(16.5, 0.5, 0.5), abs=0.01)


def test_distances_from_nothing_are_refused():
    surface = surface_of(ball(4.0), SPACING_MM)
    with pytest.raises(ValueError, match="not empty"):
        signed_distances_mm(surface.points_mm, surface, np.zeros((3, 3, 3), bool), SPACING_MM)


def test_the_nearest_corner_is_found():
    surface = surface_of(ball(4.0), SPACING_MM)
    assert nearest_corner(surface.points_mm[[5, 17]] + 0.01, surface).tolist() == [5, 17]
