import pytest

import tiny_dataset
from nnunet_cscn.cascade.stage_one import StageOne
from tiny_training import CONFIGURATION


@pytest.fixture
def stage_one(staged_folders) -> StageOne:
    """A trained stage one with its maps, in a copy that a test may change."""
    staged_folders("labels")
    return StageOne(tiny_dataset.NAME, CONFIGURATION)
