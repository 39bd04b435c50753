"""The plans in the folder of a trained model, if it predicts larger tiles than it was trained on."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from nnunet_cscn.nnunet.plans import configuration_from_plans
from nnunet_cscn.settings.block import Settings
from nnunet_cscn.settings.checks import BLOCK


def plans_for_prediction(plans: dict[str, Any], configuration: str, patch_size: Sequence[int]) -> dict[str, Any]:
    """Return the plans for the model folder, from which nnU-Net takes the size of the tiles.

    Args:
        plans: The plans of the training. They are not changed.
        configuration: The configuration that was trained.
        patch_size: Patch size in training.

    Returns:
        A copy of the plans, in which the configuration has ``tile_size`` as patch size and the patch size in training
        as ``block_size``. Without a tile size in the configuration, the plans themselves.
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


def is_same_configuration(plans: dict[str, Any], model_plans: dict[str, Any], configuration: str) -> bool:
    """Return whether a model was trained with the configuration in the plans; the tile size does not matter.

    Args:
        plans: The plans of the data set.
        model_plans: The plans in the model folder, with or without tiles.
        configuration: The configuration's name.

    Raises:
        UserError: If the plans of the data set do not contain the configuration.
    """
    if configuration not in model_plans["configurations"]:
        return False
    wanted, found = (configuration_from_plans(each, configuration) for each in (plans, model_plans))
    return _without_tiles(wanted) == _without_tiles(found)


def _without_tiles(plan: dict[str, Any]) -> dict[str, Any]:
    block = dict(plan.get(BLOCK) or {})
    edges = block.pop("block_size", plan["patch_size"])
    block.pop("tile_size", None)  # not used in training
    return {**plan, "patch_size": [int(edge) for edge in edges], BLOCK: block}
