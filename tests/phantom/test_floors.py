import numpy as np
import pytest

from nnunet_cscn.phantom.case import Case

from .floors import best_threshold_dice, mean_mask_dice


def test_no_threshold_finds_the_tumour(drawn):
    assert best_threshold_dice(drawn) < 0.4


def test_its_place_alone_does_not_tell_the_tumour(drawn):
    assert mean_mask_dice(drawn[:8], drawn[8:]) < 0.5


def test_the_floors_would_notice_a_bright_tumour_in_one_place():
    label = np.zeros((6, 20, 20), np.uint8)
    label[2:4, 8:12, 8:12] = 1
    case = Case(image=label.astype(np.int16) * 500, label=label, scene=None, patient="a")
    assert best_threshold_dice([case]) == pytest.approx(1.0)
    assert mean_mask_dice([case], [case]) > 0.7
