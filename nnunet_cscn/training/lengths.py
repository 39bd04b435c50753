"""Trainers with a number of epochs in their name, as in nnU-Net: ``CSCNTrainer_20epochs``."""

from __future__ import annotations

from typing import Any

from nnunet_cscn.texts import counted
from nnunet_cscn.training.catalogue import FREE_LENGTH, trainer_class

EPOCHS = (5, 10, 20, 50, 100, 250)


def with_epochs(trainer: type[Any], epochs: int) -> type[Any]:
    """Return ``trainer`` with a fixed number of epochs, named ``<trainer>_<epochs>epochs``.

    Example:
        >>> with_epochs(trainer_class("BUNetTrainer"), 7).__name__
        'BUNetTrainer_7epochs'
    """
    return type(
        f"{trainer.__name__}_{epochs}epochs",
        (trainer,),
        {"fixed_epochs": epochs, "__module__": __name__, "__doc__": f"{counted(epochs, 'epoch')}."},
    )


BY_NAME = {f"{name}_{n}epochs": with_epochs(trainer_class(name), n) for name in FREE_LENGTH for n in EPOCHS}
globals().update(BY_NAME)  # pickle looks up a class in its module
