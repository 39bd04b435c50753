"""V-Net, one of the networks in the paper's Table 1: a fully convolutional network with residual stages."""

from __future__ import annotations

from torch import nn

from nnunet_cscn.networks.convolutions import conv_norm_nonlin
from nnunet_cscn.networks.decoder import build_decoder
from nnunet_cscn.networks.encoder_decoder import EncoderDecoder, SequentialEncoder
from nnunet_cscn.networks.plans import Topology
from nnunet_cscn.networks.residual import ResidualStage

_MOST_CONVOLUTIONS = 3


class VNet(EncoderDecoder):
    """V-Net with the topology of an nnU-Net plan.

    Milletari et al., V-Net: Fully convolutional neural networks for volumetric medical image segmentation, 3DV 2016,
    doi 10.1109/3DV.2016.79. Residual stages of 1, 2, 3, 3, ... convolutions, strided convolutions in the encoder,
    transposed convolutions in the decoder, concatenated skip connections.

    Args:
        topology: Stages of the plan: features, kernels, strides, normalisation and activation. (The original has
            5x5x5 kernels, no normalisation and PReLU; it is known not to converge on small data sets.)
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
        widths = topology.features
        first = ResidualStage(
            topology,
            input_channels,
            widths[0],
            n_convs=_n_convolutions(0),
            kernel=topology.kernel_sizes[0],
            stride=topology.strides[0],
        )
        encoder = SequentialEncoder([first, *(_lower_stage(topology, stage) for stage in range(1, topology.n_stages))])
        decoder = build_decoder(
            topology,
            widths,
            output_channels,
            lambda stage, n_in, n_out: ResidualStage(
                topology, n_in, n_out, n_convs=_n_convolutions(stage), kernel=topology.kernel_sizes[stage]
            ),
            deep_supervision=deep_supervision,
        )
        super().__init__(input_channels, encoder, decoder)


def _lower_stage(topology: Topology, stage: int) -> nn.Sequential:
    """Return a strided convolution followed by a residual stage with an identity shortcut."""
    stride, width = topology.strides[stage], topology.features[stage]
    return nn.Sequential(
        conv_norm_nonlin(topology, topology.features[stage - 1], width, kernel=stride, stride=stride),
        ResidualStage(topology, width, width, n_convs=_n_convolutions(stage), kernel=topology.kernel_sizes[stage]),
    )


def _n_convolutions(stage: int) -> int:
    return min(stage + 1, _MOST_CONVOLUTIONS)
