import math

import numpy as np
import pytest

from nnunet_cscn.report.surfaces import signed_distances_mm, surface_of

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


def test_large_surfaces_become_coarser_and_stay_in_place():
    fine, coarse = (surface_of(ball(12.0), SPACING_MM, max_vertices=n) for n in (None, 400))
    assert len(coarse.points_mm) <= 400 < len(fine.points_mm)
    assert np.abs(coarse.points_mm.mean(axis=0) - fine.points_mm.mean(axis=0)).max() < 1.0


def test_a_mask_that_coarse_steps_would_miss_keeps_its_surface():
    comb = np.zeros((40, 40, 40), bool)
    comb[::2, ::2, ::2] = True  # single voxels: many corners, and nothing is left between wide steps
    assert len(surface_of(comb, SPACING_MM, max_vertices=50).points_mm) > 0


def test_an_empty_mask_has_no_surface():
    assert surface_of(np.zeros((3, 3, 3), bool), SPACING_MM) is None


def test_distances_are_positive_outside_negative_inside_and_zero_on_the_surface():
    reference = ball(8.0)
    assert np.abs(signed_distances_mm(surface_of(reference, SPACING_MM).points_mm, reference, SPACING_MM)).max() == 0
    outer = signed_distances_mm(surface_of(ball(12.0), SPACING_MM).points_mm, reference, SPACING_MM)
    assert outer.min() > 0
    assert np.median(outer) == pytest.approx(4.0, abs=0.4)
    inner = signed_distances_mm(surface_of(ball(4.0), SPACING_MM).points_mm, reference, SPACING_MM)
    assert inner.max() < 0
    assert np.median(inner) == pytest.approx(-4.0, abs=0.5)


def test_points_beyond_the_volume_are_outside():
    reference = np.ones((4, 4, 4), bool)
    far = np.array([[20.0, 1.5, 1.5]], np.float32)
    # the surface ends 0.5 mm beyond the last centre: 3.5; its nearest corner is half a voxel aside on both axes
    assert signed_distances_mm(far, reference, (1.0, 1.0, 1.0))[0] == pytest.approx(
        math.hypot(16.5, 0.5, 0.5), abs=0.01
    )


def test_distances_from_nothing_are_refused():
    with pytest.raises(ValueError, match="not empty"):
        signed_distances_mm(np.zeros((1, 3), np.float32), np.zeros((3, 3, 3), bool), SPACING_MM)
