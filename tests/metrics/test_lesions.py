import numpy as np
import pytest

from nnunet_cscn.metrics.lesions import count_lesions
from nnunet_cscn.metrics.overlap import OverlapCounts


def row(*values):
    return np.array([[values]], dtype=bool)


@pytest.mark.parametrize(
    ("prediction", "reference", "counts"),
    [
        (row(1, 1, 1, 0, 0, 0), row(1, 1, 0, 0, 1, 1), (1, 0, 1)),  # IoU 2 / 3; one missed
        (row(1, 1, 0, 0, 0, 0), row(1, 1, 1, 1, 0, 0), (0, 1, 1)),  # IoU 1 / 2 is not above it
        (row(1, 1, 1, 1, 1, 0), row(1, 1, 0, 1, 1, 0), (0, 1, 2)),  # one over two: neither is found
        (row(0, 0, 0, 1, 0, 1), row(0, 0, 0, 0, 0, 0), (0, 2, 0)),
        (row(0, 0, 0, 0, 0, 0), row(1, 0, 1, 0, 1, 0), (0, 0, 3)),
        (row(0, 0, 0, 0, 0, 0), row(0, 0, 0, 0, 0, 0), (0, 0, 0)),
    ],
)
def test_lesions_match_above_half_their_union(prediction, reference, counts):
    assert count_lesions(prediction, reference) == OverlapCounts(*counts)


def test_parts_that_touch_at_a_corner_are_one():
    mask = np.zeros((2, 2, 2), dtype=bool)
    mask[0, 0, 0] = mask[1, 1, 1] = True
    assert count_lesions(mask, mask) == OverlapCounts(1, 0, 0)


def test_an_ignored_voxel_parts_a_lesion():
    mask = row(1, 1, 1)
    assert count_lesions(mask, mask, ignored=row(0, 1, 0)) == OverlapCounts(2, 0, 0)


def test_unequal_shapes_are_refused():
    with pytest.raises(ValueError, match="shape"):
        count_lesions(row(1, 0), row(1))
