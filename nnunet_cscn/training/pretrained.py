"""Pretrained weights for the cascade."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from nnunet_cscn.errors import UserError
from nnunet_cscn.files import replacing
from nnunet_cscn.networks.coarse_to_fine import CoarseToFineCSCN
from nnunet_cscn.networks.registry import build_network
from nnunet_cscn.nnunet.checkpoints import read_checkpoint
from nnunet_cscn.nnunet.plans import configuration_from_plans, read_plans
from nnunet_cscn.nnunet.trainer import PlansManager, n_input_channels


def cscn_from_bunet(bunet_checkpoint: Path, target: Path, *, name: str | None = None, seed: int = 0) -> int:
    """Write CSCN weights with a trained coarse network and a randomly initialised fine network.

    If the coarse network sees a pooled window, its weights must come from a U-Net on a coarser grid: a configuration
    with the spacing multiplied by the pooling factors and the patch size divided by them.

    Args:
        bunet_checkpoint: A checkpoint of ``BUNetTrainer``, or of any trainer whose network is the plan's U-Net.
        target: Where to write the weights, for ``nnUNetv2_train -pretrained_weights``.
        name: The configuration on which CSCN will be trained. It is looked up in the plans in the checkpoint, then in
            the present plans. None for the configuration of the checkpoint.
        seed: Seed of the random weights.

    Returns:
        Number of tensors copied from the checkpoint.

    Raises:
        UserError: If the file is not such a checkpoint, or its weights do not fit.
    """
    checkpoint = read_checkpoint(bunet_checkpoint)
    dataset_json = checkpoint["init_args"]["dataset_json"]
    plans = checkpoint["init_args"]["plans"]
    name = name or checkpoint["init_args"]["configuration"]
    if name not in plans["configurations"]:  # the configuration is newer than the checkpoint
        plans = read_plans(plans["dataset_name"], plans["plans_name"])
        configuration_from_plans(plans, name)  # raises UserError if there is none
    manager = PlansManager(plans)
    configuration = manager.get_configuration(name)
    labels = manager.get_label_manager(dataset_json)
    torch.manual_seed(seed)
    network: Any = build_network(
        "cscn",
        configuration.configuration,
        input_channels=n_input_channels(manager, configuration, dataset_json),
        output_channels=labels.num_segmentation_heads,
        deep_supervision=True,
    )
    network.fusion.is_regions = labels.has_regions
    try:
        network.coarse.load_state_dict(checkpoint["network_weights"])
    except RuntimeError:
        raise UserError(_mismatch_message(bunet_checkpoint, checkpoint, network, name)) from None
    with replacing(target) as temporary:
        torch.save({"network_weights": network.state_dict(), "trainer_name": "CSCNTrainer"}, temporary)
    return len(checkpoint["network_weights"])


def _mismatch_message(file: Path, checkpoint: dict[str, Any], network: Any, name: str) -> str:
    if not isinstance(network, CoarseToFineCSCN):
        return (
            f"{file} contains weights of {checkpoint['trainer_name']}, whose network is not the U-Net of the "
            "plan: give a checkpoint of BUNetTrainer or nnUNetTrainer"
        )
    pooling = "x".join(map(str, network.pooling))
    return (
        f"{file} contains weights of {checkpoint['trainer_name']} that do not fit the coarse network of {name} "
        f"(window pooled by {pooling}): train BUNetTrainer or nnUNetTrainer on a configuration with its spacing "
        f"times {pooling} and its patch divided by {pooling}, and use `-c {name}`; or set coarse.resolution=full in "
        "the configuration of the cascade"
    )
