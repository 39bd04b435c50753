"""The trainers of the paper's experiment: each network under the paper's protocol."""

from __future__ import annotations

from nnunet_cscn.training.baselines import CNNTrainer, DeepLabTrainer, VNetTrainer
from nnunet_cscn.training.cscn import ACDNetTrainer, BUNetTrainer, CSCNTrainer
from nnunet_cscn.training.protocol import PaperProtocol


class CSCNPaperTrainer(PaperProtocol, CSCNTrainer):
    """The cascade of both networks, in one run, both at full resolution as in the paper."""

    network_name = "cscn_one_resolution"


class BUNetPaperTrainer(PaperProtocol, BUNetTrainer):
    """The coarse network alone."""


class ACDNetPaperTrainer(PaperProtocol, ACDNetTrainer):
    """The fine network alone, on the image."""


class CNNPaperTrainer(PaperProtocol, CNNTrainer):
    """The authors' earlier network, as we read it."""


class DeepLabPaperTrainer(PaperProtocol, DeepLabTrainer):
    """DeepLabV3+."""


class VNetPaperTrainer(PaperProtocol, VNetTrainer):
    """V-Net."""
