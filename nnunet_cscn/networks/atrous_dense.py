"""The encoder's blocks of ACDNet: dense layers, closed by a pyramid of atrous convolutions."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

from nnunet_cscn.networks.convolutions import convolution, norm_nonlin, unit, usable_dilation
from nnunet_cscn.networks.plans import Extent, Topology
from nnunet_cscn.settings.fine import Activation


class DenseLayer(nn.Module):
    """One layer of a dense block: reduce by 1x1x1, then convolve to ``growth`` new channels (DenseNet-B).

    Huang et al., Densely connected convolutional networks, CVPR 2017, doi 10.1109/CVPR.2017.243.

    Args:
        topology: The plan's kinds of convolution, normalisation and activation.
        channels_in: C.
        growth: New channels.
        inner: Channels after the 1x1x1; 0 for the plain DenseNet, which has none.
        kernel: Of the other convolution.
        activation: Where normalisation and activation stand. ``after``: the input has them already.
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
        reduce = unit(topology, channels_in, inner, kernel=point, activation=activation) if inner else []
        self.layers = nn.Sequential(
            *reduce, *unit(topology, inner or channels_in, growth, kernel=kernel, activation=activation)
        )
        # recomputing would count every batch twice in the running statistics of a batch normalisation
        self.checkpointing = checkpointing and not any(isinstance(layer, _BatchNorm) for layer in self.layers)

    def forward(self, x: Tensor) -> Tensor:
        """Return the layer's new channels only."""
        if self.checkpointing and torch.is_grad_enabled():
            out: Tensor = checkpoint(self.layers, x, use_reentrant=False, preserve_rng_state=False)
            return out
        new: Tensor = self.layers(x)
        return new


class AtrousPyramid(nn.Module):
    """Parallel convolutions at several dilations (ASPP), concatenated.

    Chen et al., Encoder-decoder with atrous separable convolution, ECCV 2018, doi 10.1007/978-3-030-01234-2_49.

    Args:
        topology: The plan's kinds of convolution, normalisation and activation.
        channels_in: C.
        channels_out: Channels of each branch.
        kernel: Of each branch.
        dilations: One per branch.
        inner: Channels that the branches read, after a 1x1x1 convolution that they share; None for all C. Dilated
            convolutions are slow, above all backwards, and their time grows with what they read.
        activation: Where normalisation and activation stand. ``after``: the input has them already.

    Shape:
        (B, C, *size) -> (B, branches * channels_out, *size)

    Note:
        Without DeepLab's image-level pooling branch: nnU-Net predicts in tiles, and a global mean over a tile would
        tie a voxel's result to where the tile happens to lie.
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
        shared = [] if inner is None else unit(topology, channels_in, inner, kernel=point, activation=activation)
        gathered = channels_out * len(dilations)
        self.prepare = nn.Sequential(*shared, *(norm_nonlin(topology, reads) if activation == "before" else ()))
        self.branches = nn.ModuleList(
            convolution(topology, reads, channels_out, kernel=kernel, dilation=dilation) for dilation in dilations
        )
        self.finish = nn.Sequential(*(norm_nonlin(topology, gathered) if activation == "after" else ()))

    def forward(self, x: Tensor) -> Tensor:
        """Return all branches side by side."""
        prepared = self.prepare(x)
        finished: Tensor = self.finish(torch.cat([branch(prepared) for branch in self.branches], dim=1))
        return finished


class AtrousDenseBlock(nn.Module):
    """Dense layers, then ASPP over all their features, then the 1x1x1 bottleneck that compresses both.

    The paper puts the ASPP "before the Bottle Neck layer of each block" (section 3.2).

    Args:
        topology: The plan's kinds of convolution, normalisation and activation.
        channels_in: Channels of the input.
        channels_out: Channels of the output.
        growth: New channels of each dense layer, and of each branch of the ASPP.
        n_layers: Dense layers.
        inner: Channels inside a dense layer, 0 for a layer of one convolution.
        kernel: Of the dense layers and the ASPP.
        size: Voxels per axis of a training patch here, which bounds the dilations.
        rates: Dilations of the ASPP.
        pyramid_inner: Channels that the ASPP's branches read; None for all.
        activation: Where normalisation and activation stand. ``after``: in the input and the output already.
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
        # a rate that cannot be used any more falls back to 1; several equal branches would be a wider one
        dilations = list(dict.fromkeys(usable_dilation(rate, kernel, size) for rate in rates))
        self.pyramid = AtrousPyramid(
            topology, channels, growth, kernel=kernel, dilations=dilations, inner=pyramid_inner, activation=activation
        )
        gathered = channels + growth * len(dilations)
        point = (1,) * len(kernel)
        self.bottleneck = nn.Sequential(*unit(topology, gathered, channels_out, kernel=point, activation=activation))

    def forward(self, x: Tensor) -> Tensor:
        """Return the compressed features of the block."""
        for layer in self.dense_layers:
            x = torch.cat([x, layer(x)], dim=1)
        compressed: Tensor = self.bottleneck(torch.cat([x, self.pyramid(x)], dim=1))
        return compressed
