import numpy as np
import pytest

from nnunet_cscn.dicom.slice_line import even_heights, slice_numbers, straightened
from nnunet_cscn.errors import UserError

ALONG, DOWN = np.array([1.0, 0, 0]), np.array([0, 1.0, 0])


def above(n_slices, step=3.0, tilt=(0.0, 0.0)):
    heights = step * np.arange(n_slices)
    return np.stack([5 + tilt[0] * heights, 7 + tilt[1] * heights, heights], axis=1)


def test_straight_slices_stay_as_they_are():
    line = straightened(above(9), ALONG, DOWN)
    assert line.origin_mm.tolist() == [5, 7, 0]
    assert line.note == ""


def test_a_small_shift_is_halved():
    """0.09 mm over the stack, which rounded positions may do: the line goes through the middle."""
    line = straightened(above(10, tilt=(0.09 / 27, 0)), ALONG, DOWN)
    assert np.allclose(line.origin_mm, [5.045, 7, 0])
    assert (line.along == ALONG).all()


def test_rounded_directions_are_turned_to_the_positions():
    """0.5 mm over 600 mm are 0.048 degrees."""
    line = straightened(above(201, tilt=(0.5 / 600, 0)), ALONG, DOWN)
    normal = np.cross(line.along, line.down)
    assert np.allclose(normal, np.array([0.5, 0, 600]) / np.hypot(0.5, 600))
    assert np.allclose(line.origin_mm, [5, 7, 0])
    assert "0.048 degrees" in line.note


def test_a_tilted_gantry_and_a_bent_stack_are_refused_with_their_deviation():
    with pytest.raises(UserError, match=r"up to 5\.40 mm \(11 degrees\), as with a tilted gantry"):
        straightened(above(10, tilt=(0.2, 0)), ALONG, DOWN)
    bent = above(10)
    bent[5, 0] += 0.4
    with pytest.raises(UserError, match=r"up to 0\.3. mm beside it"):
        straightened(bent, ALONG, DOWN)


def test_even_heights_are_those_of_the_least_squares_line():
    fitted, deviation = even_heights(np.array([0.0, 1.1, 1.9, 3.0]), np.arange(4))
    slope = (-1.5 * 0.0 - 0.5 * 1.1 + 0.5 * 1.9 + 1.5 * 3.0) / 5  # of centred numbers -1.5, -0.5, 0.5, 1.5
    expected = 1.5 + slope * np.array([-1.5, -0.5, 0.5, 1.5])
    assert np.allclose(fitted, expected)
    assert deviation == pytest.approx(np.abs(np.array([0.0, 1.1, 1.9, 3.0]) - expected).max())


@pytest.mark.parametrize("step", [0.25, 0.35, 0.625, 0.95])
def test_slices_at_rounded_heights_are_numbered_without_gaps(step):
    heights = np.array([float(f"{step * index:.1f}") for index in range(41)])
    median = float(np.median(np.diff(heights)))
    assert slice_numbers(heights, median).tolist() == list(range(41))
    without = np.delete(heights, [7, 8, 20])
    assert slice_numbers(without, median).tolist() == [n for n in range(41) if n not in (7, 8, 20)]
