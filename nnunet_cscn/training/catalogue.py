"""All trainers by name, with the module of each. A new trainer needs its class and one line here.

nnU-Net finds them by these names, and checkpoints contain them, so a name never changes. Importing this module does not
import torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

_PAPER = "nnunet_cscn.training.paper"

TRAINERS: Mapping[str, str] = {
    "CSCNTrainer": "nnunet_cscn.training.cscn",
    "BUNetTrainer": "nnunet_cscn.training.cscn",
    "ACDNetTrainer": "nnunet_cscn.training.cscn",
    "CSCNStagedTrainer": "nnunet_cscn.training.staged",
    "VNetTrainer": "nnunet_cscn.training.baselines",
    "DeepLabTrainer": "nnunet_cscn.training.baselines",
    "CNNTrainer": "nnunet_cscn.training.baselines",
    "CSCNPaperTrainer": _PAPER,
    "BUNetPaperTrainer": _PAPER,
    "ACDNetPaperTrainer": _PAPER,
    "CNNPaperTrainer": _PAPER,
    "DeepLabPaperTrainer": _PAPER,
    "VNetPaperTrainer": _PAPER,
}

FREE_LENGTH = tuple(name for name, module in TRAINERS.items() if module != _PAPER)
"""Trainers whose number of epochs can be chosen. The paper's protocol has its own schedule."""


def trainer_class(name: str) -> type[Any]:
    """Return the class of a trainer."""
    found: type[Any] = getattr(import_module(TRAINERS[name]), name)
    return found
