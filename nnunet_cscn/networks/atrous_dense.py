"""The encoder blocks of ACDNet: dense layers, followed by atrous spatial pyramid pooling (ASPP)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

from nnunet_cscn.networks.convolutions import conv_unit, convolution, norm_nonlin, usable_dilation
from nnunet_cscn.networks.plans import Extent, Topology
from nnunet_cscn.settings.fine import Activation


class DenseLayer(nn.Module):
    """One layer of a dense block: a 1x1x1 convolution, then a convolution to ``growth`` new channels (DenseNet-B).

    Huang et al., Densely connected convolutional networks, CVPR 2017, doi 10.1109/CVPR.2017.243.

    Args:
        topology: Convolution, normalisation and activation types of the plan.
        channels_in: C, channels of the input.
        growth: New channels.
        inner: Channels after the 1x1x1 convolution; 0 for no 1x1x1 convolution, as in the plain DenseNet.
        kernel: Kernel of the second convolution.
        activation: Normalisation and activation ``before`` or ``after`` the convolution. ``after``: the input has them
            already.
        checkpointing: Recompute the layer in the backward pass.

    Shape:
        (B, C, *size) -> (B, growth, *size)
    """

    def __init__(
        self,
        topology: Topology,
        channels_in: int,
        growth: int,
        *,
        inner: int,
        kernel: Extent,
        activation: Activation = "before",
        checkpointing: bool,
    ) -> None:
        super().__init__()
        point = (1,) * len(kernel)
        reduce = conv_unit(topology, channels_in, inner, kernel=point, activation=activation) if inner else []
        self.layers = nn.Sequential(
            *reduce, *conv_unit(topology, inner or channels_in, growth, kernel=kernel, activation=activation)
        )
        # recomputation would update the running statistics of a batch normalisation twice per batch
        self.checkpointing = checkpointing and not any(isinstance(layer, _BatchNorm) for layer in self.layers)

    def forward(self, x: Tensor) -> Tensor:
        """Return only the new channels of the layer."""
        if self.checkpointing and torch.is_grad_enabled():
            out: Tensor = checkpoint(self.layers, x, use_reentrant=False, preserve_rng_state=False)
            return out
        new: Tensor = self.layers(x)
        return new


class AtrousPyramid(nn.Module):
    """Parallel convolutions at several dilations (ASPP), concatenated.

    Chen et al., Encoder-decoder with atrous separable convolution, ECCV 2018, doi 10.1007/978-3-030-01234-2_49.

    Args:
        topology: Convolution, normalisation and activation types of the plan.
        channels_in: C, channels of the input.
        channels_out: Channels of each branch.
        kernel: Kernel of each branch.
        dilations: Dilation of each branch.
        inner: Input channels of the branches, after a shared 1x1x1 convolution; None for all C. Fewer channels make
            the dilated convolutions faster, above all in the backward pass.
        activation: Normalisation and activation ``before`` or ``after`` the convolution. ``after``: the input has them
            already.

    Shape:
        (B, C, *size) -> (B, branches * channels_out, *size)

    Note:
        There is no image-level pooling branch as in DeepLab. nnU-Net predicts in tiles, and with a mean over the tile
        the result of a voxel would depend on the position of the tile.
    """

    def __init__(
        self,
        topology: Topology,
        channels_in: int,
        channels_out: int,
        *,
        kernel: Extent,
        dilations: Sequence[Extent],
        inner: int | None = None,
        activation: Activation = "before",
    ) -> None:
        super().__init__()
        point = (1,) * len(kernel)
        reads = channels_in if inner is None else inner
        shared = [] if inner is None else conv_unit(topology, channels_in, inner, kernel=point, activation=activation)
        gathered = channels_out * len(dilations)
        self.prepare = nn.Sequential(*shared, *(norm_nonlin(topology, reads) if activation == "before" else ()))
        self.branches = nn.ModuleList(
            convolution(topology, reads, channels_out, kernel=kernel, dilation=dilation) for dilation in dilations
        )
        self.finish = nn.Sequential(*(norm_nonlin(topology, gathered) if activation == "after" else ()))

    def forward(self, x: Tensor) -> Tensor:
        """Return the concatenated outputs of all branches."""
        prepared = self.prepare(x)
        finished: Tensor = self.finish(torch.cat([branch(prepared) for branch in self.branches], dim=1))
        return finished


class AtrousDenseBlock(nn.Module):
    """Dense layers, then ASPP on all their features, then a 1x1x1 bottleneck that reduces the channels of both.

    The paper puts the ASPP "before the Bottle Neck layer of each block" (section 3.2).

    Args:
        topology: Convolution, normalisation and activation types of the plan.
        channels_in: Channels of the input.
        channels_out: Channels of the output.
        growth: New channels of each dense layer and of each ASPP branch.
        n_layers: Number of dense layers.
        inner: Channels after the 1x1x1 convolution of a dense layer; 0 for no 1x1x1 convolution.
        kernel: Kernel of the dense layers and the ASPP.
        size: Voxels per axis of the training patch at this stage. It limits the dilations.
        rates: Dilations of the ASPP.
        pyramid_inner: Input channels of the ASPP branches; None for all.
        activation: Normalisation and activation ``before`` or ``after`` the convolution. ``after``: input and output
            of the block are already activated.
        checkpointing: Recompute the dense layers in the backward pass.

    Shape:
        (B, channels_in, *size) -> (B, channels_out, *size)
    """

    def __init__(
        self,
        topology: Topology,
        channels_in: int,
        channels_out: int,
        *,
        growth: int,
        n_layers: int,
        inner: int,
        kernel: Extent,
        size: Extent,
        rates: Sequence[int],
        pyramid_inner: int | None = None,
        activation: Activation = "before",
        checkpointing: bool,
    ) -> None:
        super().__init__()
        self.dense_layers = nn.ModuleList(
            DenseLayer(
                topology,
                channels_in + i * growth,
                growth,
                inner=inner,
                kernel=kernel,
                activation=activation,
                checkpointing=checkpointing,
            )
            for i in range(n_layers)
        )
        channels = channels_in + n_layers * growth
        # a rate too large for the feature map becomes 1; several equal branches would only be one wider branch
        dilations = list(dict.fromkeys(usable_dilation(rate, kernel, size) for rate in rates))
        self.pyramid = AtrousPyramid(
            topology, channels, growth, kernel=kernel, dilations=dilations, inner=pyramid_inner, activation=activation
        )
        gathered = channels + growth * len(dilations)
        point = (1,) * len(kernel)
        self.bottleneck = nn.Sequential(
            *conv_unit(topology, gathered, channels_out, kernel=point, activation=activation)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the output of the bottleneck."""
        for layer in self.dense_layers:
            x = torch.cat([x, layer(x)], dim=1)
        compressed: Tensor = self.bottleneck(torch.cat([x, self.pyramid(x)], dim=1))
        return compressed
