"""The kernels of the fine network that see probabilities, stored under a name of their own.

There is one kernel for each class or region, so these weights depend on the labels, as segmentation heads do. nnU-Net
starts heads anew when it loads pretrained weights, and knows them by ``.seg_layers.`` in their names. The kernels get
such a name, so that a model of other labels can be fine-tuned. In memory they stay a part of one convolution.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

NAME = "seg_layers.weight"


def store_apart(convolution: nn.Module, image_channels: int) -> None:
    """Store the kernels of a convolution that see probabilities apart from those that see the image.

    Files in which both are one tensor, as before, still load.

    Args:
        convolution: It sees the image, and the probabilities behind it.
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
    """Tell whether a name in a state dict is that of kernels that see probabilities."""
    return key.endswith(f".{NAME}")


def _split(module: Any, state_dict: dict[str, Any], prefix: str, _metadata: Any) -> None:
    whole = state_dict[f"{prefix}weight"]
    state_dict[f"{prefix}weight"] = whole[:, : module.image_channels]
    state_dict[f"{prefix}{NAME}"] = whole[:, module.image_channels :]


def _join(_module: Any, state_dict: dict[str, Any], prefix: str, *_: Any) -> None:
    if f"{prefix}{NAME}" in state_dict:
        probabilities = state_dict.pop(f"{prefix}{NAME}")
        state_dict[f"{prefix}weight"] = torch.cat([state_dict[f"{prefix}weight"], probabilities], dim=1)
