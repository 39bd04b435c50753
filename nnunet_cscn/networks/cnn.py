"""CNN, one of the networks in the paper's Table 1: the authors' earlier network, as we understand it."""

from __future__ import annotations

import math

from dynamic_network_architectures.building_blocks.helper import get_matching_pool_op
from torch import Tensor, nn

from nnunet_cscn.networks.atrous_dense import AtrousPyramid
from nnunet_cscn.networks.convolutions import conv_norm_nonlin, convolution, norm_nonlin, usable_dilation
from nnunet_cscn.networks.decoder import build_decoder
from nnunet_cscn.networks.encoder_decoder import EncoderDecoder
from nnunet_cscn.networks.plans import Topology

RATES = (1, 2, 4)


class LongRangeEncoder(nn.Module):
    """Two convolutions per stage. The features of the very first convolution are added to every later stage.

    The deepest stage ends with atrous convolutions at several rates.
    """

    def __init__(self, topology: Topology, input_channels: int) -> None:
        super().__init__()
        widths, kernels = topology.features, topology.kernel_sizes
        self.first = conv_norm_nonlin(
            topology, input_channels, widths[0], kernel=kernels[0], stride=topology.strides[0]
        )
        self.second = conv_norm_nonlin(topology, widths[0], widths[0], kernel=kernels[0])
        self.stages = nn.ModuleList()
        self.long_range = nn.ModuleList()
        for stage in range(1, topology.n_stages):
            self.stages.append(
                nn.Sequential(
                    conv_norm_nonlin(
                        topology,
                        widths[stage - 1],
                        widths[stage],
                        kernel=kernels[stage],
                        stride=topology.strides[stage],
                    ),
                    conv_norm_nonlin(topology, widths[stage], widths[stage], kernel=kernels[stage]),
                )
            )
            self.long_range.append(_long_range(topology, stage))
        self.pyramid = FeaturePyramid(topology, topology.n_stages - 1)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Return the features of all stages, full resolution first."""
        first = self.first(x)
        skips = [self.second(first)]
        for stage, long_range in zip(self.stages, self.long_range, strict=True):
            skips.append(stage(skips[-1]) + long_range(first))
        return [*skips[:-1], self.pyramid(skips[-1])]


class FeaturePyramid(nn.Module):
    """Parallel atrous convolutions at several rates, fused to the original number of channels.

    Shape:
        (B, channels, *size) -> (B, channels, *size)
    """

    def __init__(self, topology: Topology, stage: int) -> None:
        super().__init__()
        kernel, size, channels = topology.kernel_sizes[stage], topology.stage_size(stage), topology.features[stage]
        dilations = list(dict.fromkeys(usable_dilation(rate, kernel, size) for rate in RATES))
        branch = max(4, channels // 4)
        gathered = branch * len(dilations)
        self.pyramid = AtrousPyramid(topology, channels, branch, kernel=kernel, dilations=dilations)
        self.fuse = nn.Sequential(
            *norm_nonlin(topology, gathered),
            conv_norm_nonlin(topology, gathered, channels, kernel=(1,) * len(kernel)),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the fused features."""
        out: Tensor = self.fuse(self.pyramid(x))
        return out


class CNN(EncoderDecoder):
    """A 3D CNN with long-range skip connections, a pyramid of atrous rates, and a fusion of all output scales.

    Guo et al., Image segmentation of nasopharyngeal carcinoma using 3D CNN with long-range skip connection and
    multi-scale feature pyramid, Soft Computing 24 (2020), doi 10.1007/s00500-020-04708-y. The abstract describes:
    features of the first convolution added to each later stage, the pyramid, and auxiliary maps that are supervised and
    fused into the final one. The following are our assumptions: widths and depths, the pyramid at the deepest stage,
    and the mean as fusion.

    Args:
        topology: Stages of the plan.
        input_channels: Image channels.
        output_channels: Number of classes including the background, or of regions.
        deep_supervision: Whether ``forward`` returns all scales. ``decoder.deep_supervision`` changes this later.

    Shape:
        (B, input_channels, *size) -> (B, output_channels, *size); with deep supervision a list, full resolution
        first, one entry per stage except the last (one entry if the plan has one stage)
    """

    def __init__(
        self, topology: Topology, input_channels: int, output_channels: int, *, deep_supervision: bool
    ) -> None:
        decoder = build_decoder(
            topology,
            topology.features,
            output_channels,
            lambda stage, n_in, n_out: conv_norm_nonlin(topology, n_in, n_out, kernel=topology.kernel_sizes[stage]),
            fuses_scales=True,
            deep_supervision=deep_supervision,
        )
        super().__init__(input_channels, LongRangeEncoder(topology, input_channels), decoder)


def _long_range(topology: Topology, stage: int) -> nn.Sequential:
    """Pool the features of the first convolution to the size of a stage (mean), and match its channels by 1x1x1."""
    steps = topology.strides[1 : stage + 1]
    stride = tuple(math.prod(step[axis] for step in steps) for axis in range(topology.dimensions))
    pool = get_matching_pool_op(conv_op=topology.conv, pool_type="avg")
    point = (1,) * topology.dimensions
    return nn.Sequential(
        pool(stride, stride), convolution(topology, topology.features[0], topology.features[stage], kernel=point)
    )
