"""The trainers with a number of epochs in their name, as nnU-Net names its own.

One line each: nnU-Net looks these names up as text, so they should be found by searching for them.
"""

from __future__ import annotations

from nnunet_cscn.training.base import CSCNBaseTrainer
from nnunet_cscn.training.baselines import CNNTrainer, DeepLabTrainer, VNetTrainer
from nnunet_cscn.training.cscn import ACDNetTrainer, BUNetTrainer, CSCNTrainer
from nnunet_cscn.training.staged import CSCNStagedTrainer


def of_length(trainer: type[CSCNBaseTrainer], epochs: int) -> type[CSCNBaseTrainer]:
    """Return ``trainer`` with a fixed number of epochs, named ``<trainer>_<epochs>epochs``.

    Example:
        >>> of_length(BUNetTrainer, 7).__name__
        'BUNetTrainer_7epochs'
    """
    return type(
        f"{trainer.__name__}_{epochs}epochs",
        (trainer,),
        {"fixed_epochs": epochs, "__module__": __name__, "__doc__": f"{epochs} epochs."},
    )


CSCNTrainer_5epochs = of_length(CSCNTrainer, 5)
CSCNTrainer_10epochs = of_length(CSCNTrainer, 10)
CSCNTrainer_20epochs = of_length(CSCNTrainer, 20)
CSCNTrainer_50epochs = of_length(CSCNTrainer, 50)
CSCNTrainer_100epochs = of_length(CSCNTrainer, 100)
CSCNTrainer_250epochs = of_length(CSCNTrainer, 250)
BUNetTrainer_5epochs = of_length(BUNetTrainer, 5)
BUNetTrainer_10epochs = of_length(BUNetTrainer, 10)
BUNetTrainer_20epochs = of_length(BUNetTrainer, 20)
BUNetTrainer_50epochs = of_length(BUNetTrainer, 50)
BUNetTrainer_100epochs = of_length(BUNetTrainer, 100)
BUNetTrainer_250epochs = of_length(BUNetTrainer, 250)
ACDNetTrainer_5epochs = of_length(ACDNetTrainer, 5)
ACDNetTrainer_10epochs = of_length(ACDNetTrainer, 10)
ACDNetTrainer_20epochs = of_length(ACDNetTrainer, 20)
ACDNetTrainer_50epochs = of_length(ACDNetTrainer, 50)
ACDNetTrainer_100epochs = of_length(ACDNetTrainer, 100)
ACDNetTrainer_250epochs = of_length(ACDNetTrainer, 250)
CSCNStagedTrainer_5epochs = of_length(CSCNStagedTrainer, 5)
CSCNStagedTrainer_10epochs = of_length(CSCNStagedTrainer, 10)
CSCNStagedTrainer_20epochs = of_length(CSCNStagedTrainer, 20)
CSCNStagedTrainer_50epochs = of_length(CSCNStagedTrainer, 50)
CSCNStagedTrainer_100epochs = of_length(CSCNStagedTrainer, 100)
CSCNStagedTrainer_250epochs = of_length(CSCNStagedTrainer, 250)
VNetTrainer_5epochs = of_length(VNetTrainer, 5)
VNetTrainer_10epochs = of_length(VNetTrainer, 10)
VNetTrainer_20epochs = of_length(VNetTrainer, 20)
VNetTrainer_50epochs = of_length(VNetTrainer, 50)
VNetTrainer_100epochs = of_length(VNetTrainer, 100)
VNetTrainer_250epochs = of_length(VNetTrainer, 250)
DeepLabTrainer_5epochs = of_length(DeepLabTrainer, 5)
DeepLabTrainer_10epochs = of_length(DeepLabTrainer, 10)
DeepLabTrainer_20epochs = of_length(DeepLabTrainer, 20)
DeepLabTrainer_50epochs = of_length(DeepLabTrainer, 50)
DeepLabTrainer_100epochs = of_length(DeepLabTrainer, 100)
DeepLabTrainer_250epochs = of_length(DeepLabTrainer, 250)
CNNTrainer_5epochs = of_length(CNNTrainer, 5)
CNNTrainer_10epochs = of_length(CNNTrainer, 10)
CNNTrainer_20epochs = of_length(CNNTrainer, 20)
CNNTrainer_50epochs = of_length(CNNTrainer, 50)
CNNTrainer_100epochs = of_length(CNNTrainer, 100)
CNNTrainer_250epochs = of_length(CNNTrainer, 250)
