import numpy as np
import pytest

from nnunet_cscn.phantom.case import Case, make_case
from nnunet_cscn.phantom.heads import find_label_maps, find_nasopharynx
from nnunet_cscn.phantom.patients import assign_heads
from nnunet_cscn.phantom.settings import PhantomSettings
from nnunet_cscn.phantom.tissues import APPEARANCES, Tissue

from .floors import best_threshold_dice, mean_mask_dice

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def settings(shared_data) -> PhantomSettings:
    return PhantomSettings.for_heads(shared_data / "head_labels", cases=6, test_cases=2)


@pytest.fixture(scope="module")
def cases(settings) -> list[Case]:
    heads = [head for path in find_label_maps(settings.anatomy)[:4] if (head := find_nasopharynx(path)) is not None]
    return [make_case(settings, index, head) for index, head in enumerate(assign_heads(settings, heads))]


def test_test_anatomies_are_never_in_training(cases):
    assert not {case.patient for case in cases[:6]} & {case.patient for case in cases[6:]}


def test_its_place_alone_does_not_tell_the_tumour(cases):
    assert mean_mask_dice(cases[:6], cases[6:]) < 0.3


def test_no_threshold_finds_the_tumour(cases):
    assert best_threshold_dice(cases) < 0.4


def test_tumours_measure_5_to_40_ml(cases):
    volumes = [np.count_nonzero(case.label) * 0.003 for case in cases]
    assert min(volumes) >= 5
    assert max(volumes) <= 40


def test_no_tumour_grows_in_bone_brain_vessels_or_outer_air(cases):
    for case in cases:
        tissues = np.unique(case.scene.tissue_map()[case.label == 1])
        assert all(APPEARANCES[Tissue(tissue)].speed > 0 for tissue in tissues)
