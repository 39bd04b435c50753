"""CSCN over two resolutions: the coarse network sees the pooled window, the fine one blocks at full resolution."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from nnunet_cscn.networks.block_cascade import BlockCascade
from nnunet_cscn.networks.cscn import StageOutputs


class CoarseToFineCSCN(BlockCascade):
    """The cascade on a window: coarse everywhere, fine where it matters.

    Args:
        coarse: A U-Net of the pooled window, with ``encoder``, ``decoder.transpconvs``, ``.stages``, ``.seg_layers``.
        fine: As in ``BlockCascade``.
        stem: From the image of the window to what the coarse network sees.
        coarse_scales: Sizes of the coarse network's outputs in relation to the window.
        arguments: Those of ``BlockCascade``.

    Shape:
        (B, image_channels, *window) -> (B, output_channels, *window) logits of the fused probability, float32; under
        deep supervision the list ``[fused, coarse, fine, origins]``: logits of the pooled window's scales, logits of
        the blocks' scales (B * K, output_channels, *block), and the blocks' first voxels (B, K, axes).
    """

    def __init__(
        self, coarse: nn.Module, fine: nn.Module, *, stem: nn.Module, coarse_scales: list[list[float]], **arguments: Any
    ) -> None:
        super().__init__(coarse, fine, **arguments)
        self.stem = stem
        self.coarse_scales = coarse_scales

    def forward(self, x: Tensor) -> Any:
        """Run the coarse network on the window and the fine one on blocks of it."""
        image = self._image(x)
        features, coarse_out = self._coarse_out(image)
        if not self._deep_supervision:
            return self.fusion(*self._both(image, coarse_out[0], features))
        origins = self._draw(coarse_out[0])
        fine_out = self._fine_blocks(image, coarse_out[0], features, origins)
        with torch.no_grad():
            if self.training:  # nobody looks at it
                fused = self._upsampled(coarse_out[0].detach())
            else:  # nnU-Net's pseudo Dice does
                fused = self.fusion(*self._both(image, coarse_out[0], features))
        return [fused, coarse_out, list(fine_out) if isinstance(fine_out, list) else [fine_out], origins]

    def stage_probabilities(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the probabilities of the coarse network and of the fine one where it ran, of the coarse elsewhere."""
        image = self._image(x)
        features, coarse_out = self._coarse_out(image)
        return self._both(image, coarse_out[0], features)

    def _coarse_out(self, image: Tensor) -> tuple[Tensor, StageOutputs]:
        """Return the coarse network's last features and its logits, full (pooled) resolution first."""
        skips = self.coarse.encoder(self.stem(image))  # type: ignore[operator]
        decoder: Any = self.coarse.decoder
        x = skips[-1]
        logits: StageOutputs = []
        stages = list(getattr(decoder, "stages", []))
        for i, stage in enumerate(stages):
            x = stage(torch.cat([decoder.transpconvs[i](x), skips[-(i + 2)]], dim=1))
            if self._deep_supervision or i == len(stages) - 1:
                logits.insert(0, decoder.seg_layers[i](x))
        if not stages:  # a plan of one resolution: nothing but a head
            logits.append(decoder.seg_layers[0](x))
        return x, logits

    def _image(self, x: Tensor) -> Tensor:
        if x.shape[1] != self.image_channels:
            raise ValueError(f"x: expected {self.image_channels} image channels, got {x.shape[1]}")
        return x
