"""ACDNet, the fine network: an atrous DenseNet with view fusion, with the stages of an nnU-Net plan."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from nnunet_cscn.networks.atrous_dense import AtrousDenseBlock
from nnunet_cscn.networks.convolutions import conv_norm_nonlin
from nnunet_cscn.networks.decoder import build_decoder
from nnunet_cscn.networks.encoder_decoder import EncoderDecoder
from nnunet_cscn.networks.plans import Extent, Topology
from nnunet_cscn.networks.view_fusion import ViewFusion
from nnunet_cscn.settings.fine import FineSettings


def stage_widths(topology: Topology, fine: FineSettings) -> list[int]:
    """Return the output channels of each stage: a fraction of the plan's features, at least 4."""
    return [max(4, round(features * fine.width)) for features in topology.features]


class AtrousDenseEncoder(nn.Module):
    """A strided convolution and an atrous dense block per stage.

    The stage at full resolution has a plain convolution instead of a block. A dense block there would need two to three
    times the time and memory of the plan's whole U-Net. (A plan with only one stage still has a block.)
    """

    def __init__(
        self, topology: Topology, input_channels: int, fine: FineSettings, *, context_channels: int = 0
    ) -> None:
        super().__init__()
        widths = stage_widths(topology, fine)
        self.stem = conv_norm_nonlin(
            topology, input_channels, widths[0], kernel=topology.kernel_sizes[0], stride=topology.strides[0]
        )
        if topology.n_stages == 1:
            self.stem.append(_block(topology, 0, widths[0], fine))
        self.transitions = nn.ModuleList()
        self.blocks = nn.ModuleList()
        for stage in range(1, topology.n_stages):
            stride = topology.strides[stage]
            self.transitions.append(
                conv_norm_nonlin(topology, widths[stage - 1], widths[stage], kernel=stride, stride=stride)
            )
            self.blocks.append(_block(topology, stage, widths[stage], fine))
        self.context_stage = min(1, topology.n_stages - 1)
        self.context_step = tuple(
            math.prod(axis) for axis in zip(*topology.strides[: self.context_stage + 1], strict=True)
        )
        if context_channels:
            width = widths[self.context_stage]
            point = (1,) * topology.dimensions
            self.merge = conv_norm_nonlin(topology, width + context_channels, width, kernel=point)

    def forward(self, x: Tensor, context: Tensor | None = None) -> list[Tensor]:
        """Return the features of all stages, full resolution first.

        Args:
            x: (B, input_channels, *size).
            context: Features of another network, (B, context_channels, *size), which enter at the second stage (at the
                first if there is only one); None if the network was built without context.
        """
        skips = [self._merge_context(context, self.stem(x), 0)]
        for stage, (transition, block) in enumerate(zip(self.transitions, self.blocks, strict=True), start=1):
            skips.append(block(self._merge_context(context, transition(skips[-1]), stage)))
        return skips

    def context_size(self, size: Extent) -> Extent:
        """Return the voxels per axis of the context for an input of ``size``."""
        return tuple(edge // step for edge, step in zip(size, self.context_step, strict=True))

    def _merge_context(self, context: Tensor | None, x: Tensor, stage: int) -> Tensor:
        if context is None or stage != self.context_stage:
            return x
        merged: Tensor = self.merge(torch.cat([x, context], dim=1))
        return merged


def _block(topology: Topology, stage: int, width: int, fine: FineSettings) -> AtrousDenseBlock:
    growth = max(4, round(topology.features[stage] * fine.growth))
    return AtrousDenseBlock(
        topology,
        width,
        width,
        growth=growth,
        n_layers=fine.dense_layers,
        inner=fine.bottleneck * growth,
        kernel=topology.kernel_sizes[stage],
        size=topology.stage_size(stage),
        rates=fine.atrous_rates,
        pyramid_inner=None if fine.pyramid_width is None else max(4, round(growth * fine.pyramid_width)),
        activation=fine.activation,
        checkpointing=fine.checkpointing,
    )


def _view_fusion(topology: Topology, stage: int, channels_in: int, width: int, fine: FineSettings) -> ViewFusion:
    inner = width if fine.skips == "reduce" else None
    return ViewFusion(topology, channels_in, width, kernel=topology.kernel_sizes[stage], inner=inner)


class ACDNet(EncoderDecoder):
    """The atrous DenseNet (Guo et al. 2022, section 3.2) with the topology of an nnU-Net plan.

    Args:
        topology: Stages of the plan.
        input_channels: Image channels, plus the channels of the coarse probabilities if there are any.
        output_channels: Number of classes including the background, or of regions.
        fine: Settings of the network, such as widths and dilations.
        context_channels: Channels of the features of another network that enter at the second stage; 0 for none.
        deep_supervision: Whether ``forward`` returns all scales. ``decoder.deep_supervision`` changes this later.

    Shape:
        (B, input_channels, *size) -> (B, output_channels, *size); with deep supervision a list, full resolution
        first, one entry per stage except the last (one entry if the plan has one stage)

    Note:
        The paper gives no numbers of features; we take them from the plan. At full resolution the paper has a whole
        block, we have a plain convolution, so that time and memory stay close to those of the plan's U-Net.
    """

    def __init__(
        self,
        topology: Topology,
        input_channels: int,
        output_channels: int,
        fine: FineSettings,
        *,
        context_channels: int = 0,
        deep_supervision: bool,
    ) -> None:
        decoder = build_decoder(
            topology,
            stage_widths(topology, fine),
            output_channels,
            lambda stage, n_in, n_out: _view_fusion(topology, stage, n_in, n_out, fine),
            adds_skips=fine.skips == "add",
            deep_supervision=deep_supervision,
        )
        encoder = AtrousDenseEncoder(topology, input_channels, fine, context_channels=context_channels)
        super().__init__(input_channels, encoder, decoder)

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor | list[Tensor]:
        """Return logits; with deep supervision a list. ``context`` is passed to the encoder."""
        out: Tensor | list[Tensor] = self.decoder(self.encoder(x, context))
        return out
