"""The trainers of the paper's experiment: each network with the paper's protocol."""

from __future__ import annotations

from nnunet_cscn.training.baselines import CNNTrainer, DeepLabTrainer, VNetTrainer
from nnunet_cscn.training.cscn import ACDNetTrainer, BUNetTrainer, CSCNTrainer
from nnunet_cscn.training.protocol import PaperProtocol


class CSCNPaperTrainer(PaperProtocol, CSCNTrainer):
    """Trains both networks together, both at full resolution as in the paper."""

    network_name = "cscn_one_resolution"


class BUNetPaperTrainer(PaperProtocol, BUNetTrainer):
    """Trains the coarse network alone."""


class ACDNetPaperTrainer(PaperProtocol, ACDNetTrainer):
    """Trains the fine network alone, on the image."""


class CNNPaperTrainer(PaperProtocol, CNNTrainer):
    """Trains the authors' earlier network, as we understand it."""


class DeepLabPaperTrainer(PaperProtocol, DeepLabTrainer):
    """Trains DeepLabV3+."""


class VNetPaperTrainer(PaperProtocol, VNetTrainer):
    """Trains V-Net."""
