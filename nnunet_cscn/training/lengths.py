"""Trainers with a number of epochs in their name, as in nnU-Net.

Each has its own line, so that a text search for its name finds it.
"""

from __future__ import annotations

from nnunet_cscn.training.base import CSCNBaseTrainer
from nnunet_cscn.training.baselines import CNNTrainer, DeepLabTrainer, VNetTrainer
from nnunet_cscn.training.cscn import ACDNetTrainer, BUNetTrainer, CSCNTrainer
from nnunet_cscn.training.staged import CSCNStagedTrainer


def with_epochs(trainer: type[CSCNBaseTrainer], epochs: int) -> type[CSCNBaseTrainer]:
    """Return ``trainer`` with a fixed number of epochs, named ``<trainer>_<epochs>epochs``.

    Example:
        >>> with_epochs(BUNetTrainer, 7).__name__
        'BUNetTrainer_7epochs'
    """
    return type(
        f"{trainer.__name__}_{epochs}epochs",
        (trainer,),
        {"fixed_epochs": epochs, "__module__": __name__, "__doc__": f"{epochs} epochs."},
    )


CSCNTrainer_5epochs = with_epochs(CSCNTrainer, 5)
CSCNTrainer_10epochs = with_epochs(CSCNTrainer, 10)
CSCNTrainer_20epochs = with_epochs(CSCNTrainer, 20)
CSCNTrainer_50epochs = with_epochs(CSCNTrainer, 50)
CSCNTrainer_100epochs = with_epochs(CSCNTrainer, 100)
CSCNTrainer_250epochs = with_epochs(CSCNTrainer, 250)
BUNetTrainer_5epochs = with_epochs(BUNetTrainer, 5)
BUNetTrainer_10epochs = with_epochs(BUNetTrainer, 10)
BUNetTrainer_20epochs = with_epochs(BUNetTrainer, 20)
BUNetTrainer_50epochs = with_epochs(BUNetTrainer, 50)
BUNetTrainer_100epochs = with_epochs(BUNetTrainer, 100)
BUNetTrainer_250epochs = with_epochs(BUNetTrainer, 250)
ACDNetTrainer_5epochs = with_epochs(ACDNetTrainer, 5)
ACDNetTrainer_10epochs = with_epochs(ACDNetTrainer, 10)
ACDNetTrainer_20epochs = with_epochs(ACDNetTrainer, 20)
ACDNetTrainer_50epochs = with_epochs(ACDNetTrainer, 50)
ACDNetTrainer_100epochs = with_epochs(ACDNetTrainer, 100)
ACDNetTrainer_250epochs = with_epochs(ACDNetTrainer, 250)
CSCNStagedTrainer_5epochs = with_epochs(CSCNStagedTrainer, 5)
CSCNStagedTrainer_10epochs = with_epochs(CSCNStagedTrainer, 10)
CSCNStagedTrainer_20epochs = with_epochs(CSCNStagedTrainer, 20)
CSCNStagedTrainer_50epochs = with_epochs(CSCNStagedTrainer, 50)
CSCNStagedTrainer_100epochs = with_epochs(CSCNStagedTrainer, 100)
CSCNStagedTrainer_250epochs = with_epochs(CSCNStagedTrainer, 250)
VNetTrainer_5epochs = with_epochs(VNetTrainer, 5)
VNetTrainer_10epochs = with_epochs(VNetTrainer, 10)
VNetTrainer_20epochs = with_epochs(VNetTrainer, 20)
VNetTrainer_50epochs = with_epochs(VNetTrainer, 50)
VNetTrainer_100epochs = with_epochs(VNetTrainer, 100)
VNetTrainer_250epochs = with_epochs(VNetTrainer, 250)
DeepLabTrainer_5epochs = with_epochs(DeepLabTrainer, 5)
DeepLabTrainer_10epochs = with_epochs(DeepLabTrainer, 10)
DeepLabTrainer_20epochs = with_epochs(DeepLabTrainer, 20)
DeepLabTrainer_50epochs = with_epochs(DeepLabTrainer, 50)
DeepLabTrainer_100epochs = with_epochs(DeepLabTrainer, 100)
DeepLabTrainer_250epochs = with_epochs(DeepLabTrainer, 250)
CNNTrainer_5epochs = with_epochs(CNNTrainer, 5)
CNNTrainer_10epochs = with_epochs(CNNTrainer, 10)
CNNTrainer_20epochs = with_epochs(CNNTrainer, 20)
CNNTrainer_50epochs = with_epochs(CNNTrainer, 50)
CNNTrainer_100epochs = with_epochs(CNNTrainer, 100)
CNNTrainer_250epochs = with_epochs(CNNTrainer, 250)
