"""The decoder of ACDNet, V-Net and CNN. At each stage: upsampling, skip connection, convolutions, head."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import torch
from dynamic_network_architectures.building_blocks.helper import get_matching_convtransp
from torch import Tensor, nn
from torch.nn import functional

from nnunet_cscn.networks.bunet import SegmentationHead
from nnunet_cscn.networks.convolutions import head
from nnunet_cscn.networks.plans import Topology

MakeStage: TypeAlias = Callable[[int, int, int], nn.Module]
"""Builds the module of a stage from its number, its input channels and its output channels; it keeps the size."""


class UpsamplingDecoder(nn.Module):
    """Upsample by the stride of the plan, join the skip connection, and apply the stage's module and its head."""

    def __init__(
        self,
        topology: Topology,
        widths: Sequence[int],
        output_channels: int,
        make_stage: MakeStage,
        *,
        fuses_scales: bool = False,
        adds_skips: bool = False,
        deep_supervision: bool,
    ) -> None:
        super().__init__()
        self.deep_supervision = deep_supervision
        self.fuses_scales = fuses_scales  # the full-resolution output is the mean of the logits of all scales
        self.adds_skips = adds_skips  # the stages then have half as many input channels
        self.mode = "trilinear" if topology.dimensions == 3 else "bilinear"
        upsample = get_matching_convtransp(conv_op=topology.conv)
        self.transpconvs = nn.ModuleList()
        self.stages = nn.ModuleList()
        self.seg_layers = nn.ModuleList()  # nnU-Net does not load keys with this name from pretrained weights
        for stage in reversed(range(topology.n_stages - 1)):
            stride = topology.strides[stage + 1]
            self.transpconvs.append(upsample(widths[stage + 1], widths[stage], stride, stride, bias=topology.conv_bias))
            self.stages.append(make_stage(stage, widths[stage] * (1 if adds_skips else 2), widths[stage]))
            self.seg_layers.append(head(topology, widths[stage], output_channels))

    def forward(self, skips: Sequence[Tensor]) -> Tensor | list[Tensor]:
        """Return full-resolution logits; with deep supervision those of all scales, full resolution first."""
        x = skips[-1]
        logits: list[Tensor] = []
        last = len(self.stages) - 1
        for i, (transpconv, stage, seg_layer) in enumerate(
            zip(self.transpconvs, self.stages, self.seg_layers, strict=True)
        ):
            x = stage(self._join_skip(transpconv(x), skips[-(i + 2)]))
            if self.deep_supervision or self.fuses_scales or i == last:
                logits.insert(0, seg_layer(x))
        if self.fuses_scales:
            full, *lower = logits
            raised = [functional.interpolate(each, size=full.shape[2:], mode=self.mode) for each in lower]
            logits[0] = torch.stack([full, *raised]).mean(dim=0)
        return logits if self.deep_supervision else logits[0]

    def _join_skip(self, upsampled: Tensor, skip: Tensor) -> Tensor:
        """Join two tensors (B, width, *size): their sum, or their concatenation (B, 2 * width, *size)."""
        return upsampled + skip if self.adds_skips else torch.cat([upsampled, skip], dim=1)


def build_decoder(
    topology: Topology,
    widths: Sequence[int],
    output_channels: int,
    make_stage: MakeStage,
    *,
    fuses_scales: bool = False,
    adds_skips: bool = False,
    deep_supervision: bool,
) -> nn.Module:
    """Return the decoder of a plan. For a plan with one stage it is only a head."""
    if topology.n_stages == 1:
        return SegmentationHead(topology, widths[0], output_channels, deep_supervision=deep_supervision)
    return UpsamplingDecoder(
        topology,
        widths,
        output_channels,
        make_stage,
        fuses_scales=fuses_scales,
        adds_skips=adds_skips,
        deep_supervision=deep_supervision,
    )
