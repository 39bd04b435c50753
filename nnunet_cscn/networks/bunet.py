"""BUNet, the coarse network: the U-Net of the plan."""

from __future__ import annotations

from collections.abc import Sequence

from dynamic_network_architectures.building_blocks.plain_conv_encoder import PlainConvEncoder
from torch import Tensor, nn

from nnunet_cscn.networks.convolutions import head
from nnunet_cscn.networks.encoder_decoder import EncoderDecoder
from nnunet_cscn.networks.plans import Architecture, Topology
from nnunet_cscn.nnunet.modules import get_network_from_plans


def build_bunet(
    architecture: Architecture,
    topology: Topology,
    *,
    input_channels: int,
    output_channels: int,
    deep_supervision: bool,
) -> nn.Module:
    """Build the U-Net of the plan, with a plain or residual encoder.

    It is nnU-Net's own class, so checkpoints of nnU-Net and of this package have the same keys.
    """
    if topology.n_stages == 1:
        return SingleStageUNet(topology, input_channels, output_channels, deep_supervision=deep_supervision)
    network: nn.Module = get_network_from_plans(
        architecture.class_name,
        dict(architecture.kwargs),
        architecture.requires_import,
        input_channels,
        output_channels,
        allow_init=True,
        deep_supervision=deep_supervision,
    )
    return network


class SegmentationHead(nn.Module):
    """The decoder of a network with one stage: only a head, no upsampling.

    nnU-Net recognises heads by the name ``seg_layers`` when it loads pretrained weights.
    """

    def __init__(self, topology: Topology, channels: int, output_channels: int, *, deep_supervision: bool) -> None:
        super().__init__()
        self.deep_supervision = deep_supervision
        self.seg_layers = nn.ModuleList([head(topology, channels, output_channels)])

    def forward(self, skips: Sequence[Tensor]) -> Tensor | list[Tensor]:
        """Return logits; with deep supervision in a list of one entry."""
        logits: Tensor = self.seg_layers[0](skips[-1])
        return [logits] if self.deep_supervision else logits


class SingleStageUNet(EncoderDecoder):
    """The U-Net of a plan with one stage, for which nnU-Net's own class cannot be built.

    It has as many convolutions as the plan has convolutions or residual blocks, and nnU-Net's initial weights.

    Shape:
        (B, input_channels, *size) -> (B, output_channels, *size); with deep supervision a list of this one entry
    """

    def __init__(
        self, topology: Topology, input_channels: int, output_channels: int, *, deep_supervision: bool
    ) -> None:
        encoder = PlainConvEncoder(
            input_channels,
            1,
            topology.features,
            topology.conv,
            topology.kernel_sizes,
            topology.strides,
            topology.blocks,
            topology.conv_bias,
            topology.norm,
            dict(topology.norm_kwargs),
            nonlin=topology.nonlin,
            nonlin_kwargs=dict(topology.nonlin_kwargs),
            return_skips=True,
        )
        decoder = SegmentationHead(topology, topology.features[0], output_channels, deep_supervision=deep_supervision)
        super().__init__(input_channels, encoder, decoder)
