"""Residual stages, used by V-Net and DeepLab."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from nnunet_cscn.networks.convolutions import convolution, norm_nonlin
from nnunet_cscn.networks.plans import Extent, Topology


class ResidualStage(nn.Module):
    """Convolutions plus a shortcut from the input, with a 1x1x1 convolution where channels or size change.

    The last normalisation comes before the addition, the last activation after it (He et al., Deep residual learning
    for image recognition, CVPR 2016, doi 10.1109/CVPR.2016.90).

    Shape:
        (B, channels_in, *size) -> (B, channels_out, *size / stride)
    """

    def __init__(
        self,
        topology: Topology,
        channels_in: int,
        channels_out: int,
        *,
        n_convs: int,
        kernel: Extent,
        stride: Extent | int = 1,
        dilation: Extent | int = 1,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for i in range(n_convs):
            first = i == 0
            layers.append(
                convolution(
                    topology,
                    channels_in if first else channels_out,
                    channels_out,
                    kernel=kernel,
                    stride=stride if first else 1,
                    dilation=dilation,
                )
            )
            is_last = i == n_convs - 1
            layers += _norm(topology, channels_out) if is_last else norm_nonlin(topology, channels_out)
        self.layers = nn.Sequential(*layers)
        strides = (stride,) * len(kernel) if isinstance(stride, int) else stride
        self.shortcut: nn.Module = nn.Identity()
        if channels_in != channels_out or max(strides) > 1:
            point = convolution(topology, channels_in, channels_out, kernel=(1,) * len(kernel), stride=strides)
            self.shortcut = nn.Sequential(point, *_norm(topology, channels_out))
        self.activation = _nonlin(topology)

    def forward(self, x: Tensor) -> Tensor:
        """Return the activated sum of convolutions and shortcut."""
        out: Tensor = self.activation(self.layers(x) + self.shortcut(x))
        return out


def _norm(topology: Topology, channels: int) -> list[nn.Module]:
    return [] if topology.norm is None else [topology.norm(channels, **topology.norm_kwargs)]


def _nonlin(topology: Topology) -> nn.Module:
    nonlin: Any = topology.nonlin
    return nn.Identity() if nonlin is None else nonlin(**topology.nonlin_kwargs)
