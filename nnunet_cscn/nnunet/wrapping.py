"""Access the network inside nnU-Net's wrappers."""

from __future__ import annotations

from torch import nn
from torch._dynamo import OptimizedModule
from torch.nn.parallel import DistributedDataParallel


def unwrapped(network: nn.Module) -> nn.Module:
    """Return the network inside nnU-Net's wrappers for several GPUs (DDP) and for ``torch.compile``."""
    if isinstance(network, DistributedDataParallel):
        network = network.module
    return network._orig_mod if isinstance(network, OptimizedModule) else network
