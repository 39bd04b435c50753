"""Trainers of the other networks in the paper's Table 1, in nnU-Net's pipeline and with our default loss."""

from __future__ import annotations

from nnunet_cscn.training.base import CSCNBaseTrainer


class VNetTrainer(CSCNBaseTrainer):
    """Trains V-Net with the stages of the plan."""

    network_name = "vnet"


class DeepLabTrainer(CSCNBaseTrainer):
    """Trains DeepLabV3+ with the stages of the plan. It has one output, at full resolution."""

    network_name = "deeplab"
    n_trained_scales = 1


class CNNTrainer(CSCNBaseTrainer):
    """Trains the authors' earlier network, as we understand it, with the stages of the plan."""

    network_name = "cnn"
