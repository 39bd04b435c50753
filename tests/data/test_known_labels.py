from types import SimpleNamespace

import numpy as np
import pytest

from nnunet_cscn.data.known_labels import check_known_labels
from nnunet_cscn.errors import UserError


def cases(**segmentations):
    """Stand in for nnU-Net's data set: segmentations (1, Z, Y, X) by case."""

    def load_case(case):
        if segmentations[case] is None:
            raise RuntimeError("damaged")
        return None, np.reshape(segmentations[case], (1, 1, 1, -1)), None, {}

    return SimpleNamespace(identifiers=list(segmentations), load_case=load_case)


def test_known_labels_and_voxels_outside_pass():
    check_known_labels([cases(a=[-1, 0, 1], b=[2, 2]), cases(c=[0])], [0, 1, 2], n_threads=2)


def test_cases_with_other_labels_are_named_with_the_labels():
    with pytest.raises(UserError, match=r"2 preprocessed cases.*b has 3, 7; c has 255; correct"):
        check_known_labels([cases(a=[0, 1], b=[3, 1, 7]), cases(c=[255])], [0, 1, 2], n_threads=1)


def test_a_case_that_cannot_be_read_is_named():
    with pytest.raises(UserError, match=r"a cannot be read \(RuntimeError\)"):
        check_known_labels([cases(a=None, b=[1])], [1], n_threads=1)


def test_many_cases_are_counted():
    with pytest.raises(UserError, match="c09 has 5 and 2 more"):
        check_known_labels([cases(**{f"c{number:02d}": [5] for number in range(12)})], [1], n_threads=1)
