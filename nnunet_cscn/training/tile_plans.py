"""The plans that go with a trained model, where it predicts larger tiles than it was trained on."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from nnunet_cscn.nnunet.plans import configuration_from_plans
from nnunet_cscn.settings.block import Settings
from nnunet_cscn.settings.checks import BLOCK


def plans_for_prediction(plans: dict[str, Any], configuration: str, patch_size: Sequence[int]) -> dict[str, Any]:
    """Return the plans that go with a trained model: nnU-Net predicts tiles of their patch size.

    Args:
        plans: Those of the training; left unchanged.
        configuration: The configuration that was trained.
        patch_size: What it was trained on.

    Returns:
        The same plans; the configuration has the tiles as patch size and keeps what its network was planned for as
        ``block_size``. Plans of a configuration without a tile size are returned as they are.
    """
    resolved = configuration_from_plans(plans, configuration)
    tile_size = Settings.from_configuration(resolved).tile_size
    if tile_size is None:
        return plans
    changed = copy.deepcopy(plans)
    entry = changed["configurations"][configuration]
    entry["patch_size"] = list(tile_size)
    entry[BLOCK] = {"block_size": [int(edge) for edge in patch_size], **resolved[BLOCK]}
    return changed


def are_the_same(plans: dict[str, Any], model_plans: dict[str, Any], configuration: str) -> bool:
    """Tell whether a model was trained with a configuration as it stands in the plans.

    Args:
        plans: Those of the data set.
        model_plans: Those that go with the model, whether for prediction or not.
        configuration: The configuration's name.

    Raises:
        UserError: When the data set's plans do not have it.
    """
    if configuration not in model_plans["configurations"]:
        return False
    wanted, found = (configuration_from_plans(each, configuration) for each in (plans, model_plans))
    return _without_tiles(wanted) == _without_tiles(found)


def _without_tiles(plan: dict[str, Any]) -> dict[str, Any]:
    block = dict(plan.get(BLOCK) or {})
    edges = block.pop("block_size", plan["patch_size"])
    block.pop("tile_size", None)  # plays no part in training
    return {**plan, "patch_size": [int(edge) for edge in edges], BLOCK: block}
