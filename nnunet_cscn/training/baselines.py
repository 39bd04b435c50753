"""The other networks of the paper's Table 1 in nnU-Net's pipeline, with the loss of the method."""

from __future__ import annotations

from nnunet_cscn.training.base import CSCNBaseTrainer


class VNetTrainer(CSCNBaseTrainer):
    """V-Net on the plan's stages."""

    network_name = "vnet"


class DeepLabTrainer(CSCNBaseTrainer):
    """DeepLabV3+ on the plan's stages; it has one output, which is trained at full resolution."""

    network_name = "deeplab"
    n_trained_scales = 1


class CNNTrainer(CSCNBaseTrainer):
    """The authors' earlier network, as we read it, on the plan's stages."""

    network_name = "cnn"
