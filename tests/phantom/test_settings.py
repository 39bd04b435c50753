from pathlib import Path

import pytest

from nnunet_cscn.errors import ArgumentError
from nnunet_cscn.phantom.settings import PhantomSettings


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"cases": 0}, "cases"),
        ({"cases": -3}, "cases"),
        ({"test_cases": -1}, "test_cases"),
        ({"seed": -1}, "seed"),
        ({"dataset_id": 0}, "dataset_id"),
        ({"dataset_id": 1000}, "dataset_id"),
        ({"name": "a/b"}, "name"),
        ({"name": ""}, "name"),
        ({"contrast": "t2"}, "contrast"),
        ({"slices": (30, 20)}, "slices"),
        ({"slices": (10, 20)}, "slices: expected 20 or more .*, got 10"),
        ({"in_plane": 50}, "in_plane: expected 100 or more .*, got 50"),
        ({"spacing_mm": (0.6, 0.0, 3.0)}, "spacing_mm"),
    ],
)
def test_a_bad_value_is_named(changes, named):
    with pytest.raises(ArgumentError, match=named):
        PhantomSettings(**changes)


def test_folder_and_cases_are_named_as_nnunet_wants():
    settings = PhantomSettings(dataset_id=7, name="NPC")
    assert settings.folder_name == "Dataset007_NPC"
    assert settings.case_name(3) == "NPC_003"


def test_real_heads_have_settings_of_their_own_that_can_be_changed():
    settings = PhantomSettings.for_heads(Path("heads"), cases=6)
    assert (settings.cases, settings.test_cases, settings.name) == (6, 20, "npc_synth")
    assert settings.spacing_mm == (1.0, 1.0, 3.0)
