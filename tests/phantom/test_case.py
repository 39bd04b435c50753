import dataclasses
import hashlib

import numpy as np
import pytest
from scipy import ndimage

from nnunet_cscn.phantom.case import make_case
from nnunet_cscn.phantom.tissues import APPEARANCES, Tissue


def digest(case) -> str:
    return hashlib.sha256(case.image.tobytes() + case.label.tobytes()).hexdigest()


def test_the_same_seed_gives_the_same_voxels(small, drawn):
    assert digest(make_case(small, 1)) == digest(drawn[1])


def test_another_seed_or_case_gives_other_voxels(small, drawn):
    other = make_case(dataclasses.replace(small, seed=1), 1)
    assert len({digest(other), digest(drawn[0]), digest(drawn[1])}) == 3


def test_a_test_case_does_not_depend_on_the_number_of_training_cases(small, drawn):
    fewer = dataclasses.replace(small, cases=2)
    assert digest(make_case(fewer, 2)) == digest(drawn[8])


def test_tumours_measure_5_to_40_ml(drawn):
    volumes = [np.count_nonzero(case.label) * case.scene.grid.voxel_ml for case in drawn]
    assert min(volumes) >= 5
    assert max(volumes) <= 40
    assert max(volumes) > 2 * min(volumes)


def test_no_tumour_grows_in_bone_brain_vessels_or_outer_air(drawn):
    for case in drawn:
        tissues = np.unique(case.scene.tissue_map()[case.label == 1])
        assert all(APPEARANCES[Tissue(tissue)].speed > 0 for tissue in tissues)


def test_each_tumour_is_one_piece(drawn):
    assert [ndimage.label(case.label)[1] for case in drawn] == [1] * len(drawn)


def test_tumours_are_no_balls(drawn):
    for case in drawn:
        spacing = np.array(case.scene.grid.spacing_mm)
        radii = np.linalg.norm((np.argwhere(case.label) - np.argwhere(case.label).mean(axis=0)) * spacing, axis=1)
        ball_radius = (3 * np.count_nonzero(case.label) * np.prod(spacing) / (4 * np.pi)) ** (1 / 3)
        assert radii.max() > 1.2 * ball_radius


def test_the_tumours_grey_value_overlaps_muscle_and_mucosa(drawn):
    shares = {Tissue.MUSCLE: [], Tissue.MUCOSA: []}
    for case in drawn:
        tissues = case.scene.tissue_map()
        low, high = np.percentile(case.image[case.label == 1], (5, 95))
        for tissue, found in shares.items():
            grey = case.image[(tissues == tissue) & (case.label == 0)]
            found.append(np.mean((grey > low) & (grey < high)))
    assert np.mean(shares[Tissue.MUSCLE]) > 0.15
    assert np.mean(shares[Tissue.MUCOSA]) > 0.15


def test_contrast_agent_brightens_vessels(small, drawn):
    enhanced = make_case(dataclasses.replace(small, contrast="cet1"), 0)

    def vessel_to_fat(case):
        tissues = case.scene.tissue_map()
        return np.median(case.image[tissues == Tissue.VESSEL]) / np.median(case.image[tissues == Tissue.FAT])

    assert vessel_to_fat(enhanced) > 1.5 * vessel_to_fat(drawn[0])


@pytest.mark.parametrize("index", [0, 10])
def test_image_and_label_have_the_grid_of_the_settings(drawn, index):
    case = drawn[index]
    assert case.image.shape == case.label.shape == case.scene.grid.shape
    assert case.image.shape[1:] == (112, 112)
    assert 21 <= case.image.shape[0] <= 24
    assert case.scene.grid.spacing_mm == (3.0, 0.6, 0.6)
    assert case.image.dtype == np.int16
    assert set(np.unique(case.label)) == {0, 1}
