"""nnU-Net's networks and losses."""

from nnunetv2.training.loss.dice import MemoryEfficientSoftDiceLoss
from nnunetv2.utilities.get_network_from_plans import get_network_from_plans
from nnunetv2.utilities.helpers import softmax_helper_dim1

__all__ = ["MemoryEfficientSoftDiceLoss", "get_network_from_plans", "softmax_helper_dim1"]
