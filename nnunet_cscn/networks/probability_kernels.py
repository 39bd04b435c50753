"""Separate names in the state dict for the kernels of the fine network that see probabilities.

The number of these kernels is the number of classes or regions, so they depend on the labels, as segmentation heads do.
When nnU-Net loads pretrained weights, it skips segmentation heads, which it recognises by ``.seg_layers.`` in their
names. These kernels get such a name too, so that a model can be fine-tuned on other labels. In memory they remain part
of one convolution.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

NAME = "seg_layers.weight"


def store_apart(convolution: nn.Module, image_channels: int) -> None:
    """Store the kernels for probabilities and those for the image as two tensors of the state dict.

    State dicts of earlier versions, in which both are one tensor, still load.

    Args:
        convolution: A convolution of the image channels and the probabilities, in this order.
        image_channels: Number of image channels.

    Example:
        >>> convolution = nn.Conv2d(3, 4, 1, bias=False)
        >>> store_apart(convolution, 2)
        >>> {name: tuple(tensor.shape) for name, tensor in convolution.state_dict().items()}
        {'weight': (4, 2, 1, 1), 'seg_layers.weight': (4, 1, 1, 1)}
    """
    module: Any = convolution
    module.image_channels = image_channels
    module.register_state_dict_post_hook(_split)
    module.register_load_state_dict_pre_hook(_join)


def is_apart(key: str) -> bool:
    """Return whether a key of a state dict belongs to kernels that see probabilities."""
    return key.endswith(f".{NAME}")


def _split(module: Any, state_dict: dict[str, Any], prefix: str, _metadata: Any) -> None:
    whole = state_dict[f"{prefix}weight"]
    state_dict[f"{prefix}weight"] = whole[:, : module.image_channels]
    state_dict[f"{prefix}{NAME}"] = whole[:, module.image_channels :]


def _join(_module: Any, state_dict: dict[str, Any], prefix: str, *_: Any) -> None:
    if f"{prefix}{NAME}" in state_dict:
        probabilities = state_dict.pop(f"{prefix}{NAME}")
        state_dict[f"{prefix}weight"] = torch.cat([state_dict[f"{prefix}weight"], probabilities], dim=1)
