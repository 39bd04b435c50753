"""Convolutions with the normalisation and activation of a plan."""

from __future__ import annotations

from typing import Any

from torch import nn

from nnunet_cscn.networks.dilated import DILATED
from nnunet_cscn.networks.plans import Extent, Topology
from nnunet_cscn.networks.pointwise import POINTWISE
from nnunet_cscn.settings.fine import Activation


def convolution(
    topology: Topology,
    channels_in: int,
    channels_out: int,
    *,
    kernel: Extent,
    stride: Extent | int = 1,
    dilation: Extent | int = 1,
) -> nn.Module:
    """Return a convolution of the plan's type. With stride 1 and odd kernels the size stays the same."""
    dilations = (dilation,) * len(kernel) if isinstance(dilation, int) else dilation
    padding = tuple(d * (k - 1) // 2 for k, d in zip(kernel, dilations, strict=True))
    # classes of our own for two kinds of convolutions, with the same weights
    conv: Any = topology.conv
    if stride in (1, (1,) * len(kernel)):
        if max(dilations) > 1:
            conv = DILATED.get(conv, conv)
        elif max(kernel) == 1:
            conv = POINTWISE.get(conv, conv)
    module: nn.Module = conv(
        channels_in, channels_out, kernel, stride, padding=padding, dilation=dilations, bias=topology.conv_bias
    )
    return module


def head(topology: Topology, channels_in: int, output_channels: int) -> nn.Module:
    """Return the convolution with a kernel of one voxel that gives the logits. It always has a bias."""
    conv: Any = POINTWISE.get(topology.conv, topology.conv)
    module: nn.Module = conv(channels_in, output_channels, 1, bias=True)
    return module


def norm_nonlin(topology: Topology, channels: int) -> list[nn.Module]:
    """Return the normalisation and the activation of the plan, if it has them."""
    modules: list[nn.Module] = []
    if topology.norm is not None:
        modules.append(topology.norm(channels, **topology.norm_kwargs))
    if topology.nonlin is not None:
        kwargs = dict(topology.nonlin_kwargs)
        if topology.norm is None:
            kwargs.pop("inplace", None)  # the input is then a feature map that is still needed for a concatenation
        modules.append(topology.nonlin(**kwargs))
    return modules


def conv_norm_nonlin(
    topology: Topology, channels_in: int, channels_out: int, *, kernel: Extent, stride: Extent | int = 1
) -> nn.Sequential:
    """Return convolution, normalisation, activation."""
    conv = convolution(topology, channels_in, channels_out, kernel=kernel, stride=stride)
    return nn.Sequential(conv, *norm_nonlin(topology, channels_out))


def conv_unit(
    topology: Topology, channels_in: int, channels_out: int, *, kernel: Extent, activation: Activation
) -> list[nn.Module]:
    """Return a convolution, with normalisation and activation before or after it."""
    conv = convolution(topology, channels_in, channels_out, kernel=kernel)
    if activation == "before":
        return [*norm_nonlin(topology, channels_in), conv]
    return [conv, *norm_nonlin(topology, channels_out)]


def usable_dilation(rate: int, kernel: Extent, size: Extent) -> Extent:
    """Return ``rate`` per axis, or 1 where the dilated kernel is wider than the feature map.

    A wider kernel would see mostly padding. It is also 1 along an axis with kernel size 1.

    Example:
        >>> usable_dilation(4, (1, 3, 3), (8, 32, 6))
        (1, 4, 1)
    """
    return tuple(
        rate if width > 1 and rate * (width - 1) + 1 <= edge else 1 for width, edge in zip(kernel, size, strict=True)
    )
