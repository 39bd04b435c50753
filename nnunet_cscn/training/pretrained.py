"""Weights to start a training from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from nnunetv2.utilities.label_handling.label_handling import determine_num_input_channels
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from nnunet_cscn.checkpoints import read_checkpoint
from nnunet_cscn.errors import UserError
from nnunet_cscn.files import replacing
from nnunet_cscn.networks.registry import build_network


def cscn_from_bunet(bunet_checkpoint: Path, target: Path, *, seed: int = 0) -> int:
    """Write CSCN weights whose coarse half is a trained U-Net and whose fine half is fresh.

    Args:
        bunet_checkpoint: A checkpoint of ``BUNetTrainer``, or of any trainer whose network is the plan's U-Net.
        target: Where to write the weights, for ``nnUNetv2_train -pretrained_weights``.
        seed: Seed of the fine half.

    Returns:
        Number of tensors taken from the checkpoint.

    Raises:
        UserError: When the file is no such checkpoint.
    """
    checkpoint = read_checkpoint(bunet_checkpoint)
    plans, dataset_json = checkpoint["init_args"]["plans"], checkpoint["init_args"]["dataset_json"]
    manager = PlansManager(plans)
    configuration = manager.get_configuration(checkpoint["init_args"]["configuration"])
    labels = manager.get_label_manager(dataset_json)
    torch.manual_seed(seed)
    network: Any = build_network(
        "cscn",
        configuration.configuration,
        input_channels=determine_num_input_channels(manager, configuration, dataset_json),
        output_channels=labels.num_segmentation_heads,
        deep_supervision=True,
    )
    network.fusion.is_regions = labels.has_regions
    try:
        network.coarse.load_state_dict(checkpoint["network_weights"])
    except RuntimeError:
        raise UserError(
            f"{bunet_checkpoint} holds weights of {checkpoint['trainer_name']}, whose network is not the plan's "
            "U-Net: give a checkpoint of BUNetTrainer or of stock nnUNetTrainer"
        ) from None
    with replacing(target) as temporary:
        torch.save({"network_weights": network.state_dict(), "trainer_name": "CSCNTrainer"}, temporary)
    return len(checkpoint["network_weights"])
