import math

import numpy as np
import pytest

from nnunet_cscn.metrics.contour import added_path_length_mm, contour_pixels


def square(edge, start=1):
    mask = np.zeros((2, 9, 9), dtype=bool)
    mask[1, start : start + edge, start : start + edge] = True
    return mask


def test_a_square_of_five_has_a_contour_of_sixteen_pixels():
    assert contour_pixels(square(5)).sum() == 16


def test_neighbouring_slices_make_no_contour():
    mask = np.ones((3, 5, 5), dtype=bool)
    assert contour_pixels(mask).sum(axis=(1, 2)).tolist() == [16, 16, 16]


def test_the_edge_towards_ignored_pixels_is_no_contour():
    mask, ignored = square(5), np.zeros((2, 9, 9), dtype=bool)
    ignored[1, 1:6, 6] = True
    assert contour_pixels(mask, ignored=ignored).sum() == 16 - 3  # both corners have another edge


@pytest.mark.parametrize(
    ("prediction", "reference", "n_pixels"),
    [
        (square(5), square(5), 0),
        (square(3, 2), square(5), 16),  # a ring inside shares no pixel
        (square(5), square(4), 7 - 2),  # two edges of the smaller lie inside, but their ends lie on the larger
        (square(0), square(5), 16),
        (square(5), square(0), 0),
    ],
)
def test_only_what_is_missing_has_to_be_drawn(prediction, reference, n_pixels):
    assert added_path_length_mm(prediction, reference, (3.0, 0.5, 2.0)) == pytest.approx(n_pixels * 1.0)


def test_two_empty_masks_have_no_length():
    assert math.isnan(added_path_length_mm(square(0), square(0), (1.0, 1.0, 1.0)))
