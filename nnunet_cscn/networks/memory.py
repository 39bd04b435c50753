"""The size of all convolution outputs, by which nnU-Net's planner estimates GPU memory."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd


def conv_feature_map_size(network: nn.Module, input_channels: int, input_size: Sequence[int]) -> int:
    """Count the numbers that all convolutions of ``network`` put out for one sample.

    Counted on a copy without memory (torch's meta device), so the answer holds for any network and costs nothing.

    Args:
        network: The network; it is left as it is.
        input_channels: Channels of its input.
        input_size: Voxels per axis, without batch and channels.

    Returns:
        The count, comparable to what nnU-Net's own networks answer to ``compute_conv_feature_map_size``.
    """
    twin = copy.deepcopy(network).to("meta")
    total = 0

    def add(_module: nn.Module, _inputs: object, output: Tensor) -> None:
        nonlocal total
        total += output.numel()  # of one sample, whatever it is cut into

    for module in twin.modules():
        if isinstance(module, _ConvNd):
            module.register_forward_hook(add)
    with torch.no_grad():
        twin(torch.empty((1, input_channels, *input_size), device="meta"))
    return total
