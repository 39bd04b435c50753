import numpy as np
import pytest

from nnunet_cscn.conversion.layered_labels import layered_labels
from nnunet_cscn.errors import UserError


def row(*voxels):
    return np.array([[voxels]], bool)


def test_the_later_mask_is_on_top_and_what_it_hides_is_counted():
    masks = [("GTVp", 1, row(1, 1, 1, 0)), ("GTVn", 2, row(0, 1, 1, 1))]
    voxels, notes = layered_labels((1, 1, 4), masks)
    assert voxels.tolist() == [[[1, 2, 2, 2]]]
    assert notes == ["2 voxels of GTVp lie under labels that come after it"]


def test_masks_side_by_side_need_no_note():
    assert layered_labels((1, 1, 2), [("a", 1, row(1, 0)), ("b", 2, row(0, 1))])[1] == []


def test_an_empty_mask_hides_nothing():
    voxels, notes = layered_labels((1, 1, 2), [("a", 1, row(0, 0)), ("b", 2, row(1, 1))])
    assert voxels.tolist() == [[[2, 2]]]
    assert notes == []


def test_a_mask_that_is_wholly_hidden_is_refused():
    with pytest.raises(UserError, match="GTVp is completely covered"):
        layered_labels((1, 1, 2), [("GTVp", 1, row(0, 1)), ("CTV", 2, row(1, 1))])
