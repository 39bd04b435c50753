"""DeepLabV3+ in 2D or 3D, one of the networks in the paper's Table 1."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from dynamic_network_architectures.initialization.weight_init import InitWeights_He
from torch import Tensor, nn
from torch.nn import functional

from nnunet_cscn.networks.atrous_dense import AtrousPyramid
from nnunet_cscn.networks.convolutions import conv_norm_nonlin, head, norm_nonlin
from nnunet_cscn.networks.memory import conv_feature_map_size
from nnunet_cscn.networks.plans import Extent, Topology
from nnunet_cscn.networks.residual import ResidualStage

OUTPUT_STRIDE = 8  # of the deepest feature map; strides beyond it become dilations
LOW_STRIDE = 4  # of the early features that the decoder concatenates
# The rates 6, 12 and 18 of the original, as fractions of its feature maps of 33 pixels.
_SHARES = (6 / 33, 12 / 33, 18 / 33)


class AtrousBackbone(nn.Module):
    """Residual stages with the strides of the plan up to the output stride, and dilated convolutions after it."""

    def __init__(self, topology: Topology, input_channels: int) -> None:
        super().__init__()
        widths = topology.features
        self.strides, dilations = _strides_and_dilations(topology)
        self.stages = nn.ModuleList(
            ResidualStage(
                topology,
                widths[stage - 1] if stage else input_channels,
                widths[stage],
                n_convs=2,
                kernel=topology.kernel_sizes[stage],
                stride=self.strides[stage],
                dilation=dilations[stage],
            )
            for stage in range(topology.n_stages)
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        """Return the features of all stages."""
        features: list[Tensor] = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return features


class DeepLabDecoder(nn.Module):
    """Upsample deep features, concatenate early features, convolve, predict, and upsample linearly to the image."""

    def __init__(
        self, topology: Topology, deep: int, low: int, kernel: Extent, output_channels: int, *, deep_supervision: bool
    ) -> None:
        super().__init__()
        self.deep_supervision = deep_supervision
        point = (1,) * len(kernel)
        reduced = max(4, low // 2)
        self.mode = "trilinear" if len(kernel) == 3 else "bilinear"
        self.reduce = conv_norm_nonlin(topology, low, reduced, kernel=point)
        self.refine = nn.Sequential(
            conv_norm_nonlin(topology, deep + reduced, deep, kernel=kernel),
            conv_norm_nonlin(topology, deep, deep, kernel=kernel),
        )
        self.seg_layers = nn.ModuleList([head(topology, deep, output_channels)])

    def forward(self, deep: Tensor, low: Tensor, size: torch.Size) -> Tensor | list[Tensor]:
        """Return logits of ``size``; with deep supervision in a list of one entry."""
        raised = functional.interpolate(deep, size=low.shape[2:], mode=self.mode, align_corners=False)
        coarse = self.seg_layers[0](self.refine(torch.cat([raised, self.reduce(low)], dim=1)))
        logits = functional.interpolate(coarse, size=size, mode=self.mode, align_corners=False)
        return [logits] if self.deep_supervision else logits


class DeepLab(nn.Module):
    """DeepLabV3+ with the topology of an nnU-Net plan.

    Chen et al., Encoder-decoder with atrous separable convolution for semantic image segmentation, ECCV 2018,
    doi 10.1007/978-3-030-01234-2_49. The residual backbone is trained from random weights, not pretrained. There is no
    image-level pooling; see ``AtrousPyramid``.

    Args:
        topology: Stages of the plan: features, kernels, strides up to 8, normalisation and activation.
        input_channels: Image channels.
        output_channels: Number of classes including the background, or of regions.
        deep_supervision: Whether ``forward`` returns a list. ``decoder.deep_supervision`` changes this later.

    Shape:
        (B, input_channels, *size) -> (B, output_channels, *size); with deep supervision a list of this one entry
    """

    def __init__(
        self, topology: Topology, input_channels: int, output_channels: int, *, deep_supervision: bool
    ) -> None:
        super().__init__()
        self.input_channels = input_channels
        self.encoder = AtrousBackbone(topology, input_channels)
        last, self.low = topology.n_stages - 1, _low_stage(topology)
        kernel, channels = topology.kernel_sizes[last], topology.features[last]
        size = _size_after(topology.patch_size, self.encoder.strides)
        dilations = list(
            dict.fromkeys([(1,) * len(kernel), *(_atrous_rates(share, kernel, size) for share in _SHARES)])
        )
        branch = max(4, channels // 4)
        gathered = branch * len(dilations)
        self.pyramid = AtrousPyramid(topology, channels, branch, kernel=kernel, dilations=dilations)
        self.project = nn.Sequential(
            *norm_nonlin(topology, gathered),
            conv_norm_nonlin(topology, gathered, channels, kernel=(1,) * len(kernel)),
        )
        self.decoder = DeepLabDecoder(
            topology,
            channels,
            topology.features[self.low],
            topology.kernel_sizes[self.low],
            output_channels,
            deep_supervision=deep_supervision,
        )
        self.apply(InitWeights_He(1e-2))

    def forward(self, x: Tensor) -> Tensor | list[Tensor]:
        """Return logits; with deep supervision in a list of one entry."""
        features = self.encoder(x)
        deep = self.project(self.pyramid(features[-1]))
        out: Tensor | list[Tensor] = self.decoder(deep, features[self.low], x.shape[2:])
        return out

    def compute_conv_feature_map_size(self, input_size: Sequence[int]) -> int:
        """Return the size of all convolution outputs, which nnU-Net's planner uses to estimate GPU memory."""
        return conv_feature_map_size(self, self.input_channels, input_size)


def _strides_and_dilations(topology: Topology) -> tuple[list[Extent], list[Extent]]:
    """Return the plan's strides up to the output stride, and dilations that replace the later strides.

    Example:
        A plan of strides 1, 2, 2, 2, 2 has strides 1, 2, 2, 2, 1 and dilations 1, 1, 1, 1, 2.
    """
    total, dilation = [1] * topology.dimensions, [1] * topology.dimensions
    strides: list[Extent] = []
    dilations: list[Extent] = []
    size = topology.patch_size
    for planned, kernel in zip(topology.strides, topology.kernel_sizes, strict=True):
        stage_strides = []
        for axis, stride in enumerate(planned):
            goes_on = total[axis] * stride <= OUTPUT_STRIDE
            total[axis] *= stride if goes_on else 1
            dilation[axis] *= 1 if goes_on else stride
            stage_strides.append(stride if goes_on else 1)
        strides.append(tuple(stage_strides))
        size = tuple(max(1, edge // stride) for edge, stride in zip(size, stage_strides, strict=True))
        dilations.append(_usable_rates(tuple(dilation), kernel, size))
    return strides, dilations


def _low_stage(topology: Topology) -> int:
    """Return the first stage with stride ``LOW_STRIDE``, or the last stage but one if the plan has fewer stages."""
    total = [1] * topology.dimensions
    for stage, strides in enumerate(topology.strides):
        total = [have * stride for have, stride in zip(total, strides, strict=True)]
        if max(total) >= LOW_STRIDE:
            return min(stage, max(0, topology.n_stages - 2))
    return max(0, topology.n_stages - 2)


def _size_after(size: Extent, strides: Sequence[Extent]) -> Extent:
    totals = [math.prod(stride[axis] for stride in strides) for axis in range(len(size))]
    return tuple(max(1, edge // total) for edge, total in zip(size, totals, strict=True))


def _atrous_rates(share: float, kernel: Extent, size: Extent) -> Extent:
    """Return the dilation per axis that is the given fraction of the feature map."""
    return _usable_rates(tuple(round(share * edge) for edge in size), kernel, size)


def _usable_rates(dilation: Extent, kernel: Extent, size: Extent) -> Extent:
    """Limit the dilation per axis to the size of the feature map: beyond it the kernel would see only padding."""
    return tuple(
        max(1, min(rate, (edge - 1) // (width - 1))) if width > 1 else 1
        for rate, width, edge in zip(dilation, kernel, size, strict=True)
    )
