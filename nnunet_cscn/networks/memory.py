"""The size of all convolution outputs, from which nnU-Net's planner estimates GPU memory."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd


def conv_feature_map_size(network: nn.Module, input_channels: int, input_size: Sequence[int]) -> int:
    """Return the total number of output values of all convolutions of ``network`` for one sample.

    It is counted on a copy on torch's meta device, so it works for any network and needs no memory.

    Args:
        network: The network. It is not changed.
        input_channels: Channels of its input.
        input_size: Voxels per axis of the input, without batch and channels.

    Returns:
        The count, comparable to ``compute_conv_feature_map_size`` of nnU-Net's own networks.
    """
    twin = copy.deepcopy(network).to("meta")
    total = 0

    def add(_module: nn.Module, _inputs: object, output: Tensor) -> None:
        nonlocal total
        total += output.numel()  # for one sample, even if it is cut into several blocks

    for module in twin.modules():
        if isinstance(module, _ConvNd):
            module.register_forward_hook(add)
    with torch.no_grad():
        twin(torch.empty((1, input_channels, *input_size), device="meta"))
    return total
