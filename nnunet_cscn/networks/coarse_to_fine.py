"""CSCN at two resolutions: the coarse network sees the pooled window, the fine network full-resolution blocks."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from nnunet_cscn.networks.block_cascade import BlockCascade
from nnunet_cscn.networks.cscn import StageOutputs


class CoarseToFineCSCN(BlockCascade):
    """The cascade at two resolutions: coarse on the whole window, fine on selected blocks.

    Args:
        coarse: U-Net on the pooled window, with ``encoder``, ``decoder.transpconvs``, ``.stages`` and ``.seg_layers``.
        fine: As in ``BlockCascade``.
        stem: Module that reduces the window to the input of the coarse network.
        coarse_scales: Size of each output of the coarse network relative to the window.
        arguments: Further arguments of ``BlockCascade``.

    Shape:
        (B, image_channels, *window) -> (B, output_channels, *window), logits of the fused probability, float32. With
        deep supervision the list ``[fused, coarse, fine, origins]``: logits of all scales of the pooled window, logits
        of all scales of the blocks (B * K, output_channels, *block), and the first voxels of the blocks (B, K, axes).
        In training mode, ``fused`` is only a placeholder, because no loss reads it.
    """

    def __init__(
        self, coarse: nn.Module, fine: nn.Module, *, stem: nn.Module, coarse_scales: list[list[float]], **arguments: Any
    ) -> None:
        super().__init__(coarse, fine, **arguments)
        self.stem = stem
        self.coarse_scales = coarse_scales

    def forward(self, x: Tensor) -> Any:
        """Run the coarse network on the window and the fine network on blocks of it."""
        image = self._image(x)
        features, coarse_out = self._coarse_out(image)
        if not self._deep_supervision:
            return self.fusion(*self._coarse_and_fine(image, coarse_out[0], features))
        origins = self._draw_origins(coarse_out[0])
        fine_out = self._run_fine_on_blocks(image, coarse_out[0], features, origins)
        fused = coarse_out[0].detach()
        if not self.training:  # nnU-Net's pseudo Dice uses it; no loss does
            with torch.no_grad():
                fused = self.fusion(*self._coarse_and_fine(image, coarse_out[0], features))
        return [fused, coarse_out, list(fine_out) if isinstance(fine_out, list) else [fine_out], origins]

    def stage_probabilities(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the coarse and the fine probabilities. Outside the refined blocks both are the coarse ones."""
        image = self._image(x)
        features, coarse_out = self._coarse_out(image)
        return self._coarse_and_fine(image, coarse_out[0], features)

    def _coarse_out(self, image: Tensor) -> tuple[Tensor, StageOutputs]:
        """Return the last features of the coarse network and its logits of all scales, pooled resolution first."""
        skips = self.coarse.encoder(self.stem(image))  # type: ignore[operator]
        decoder: Any = self.coarse.decoder
        x = skips[-1]
        logits: StageOutputs = []
        stages = list(getattr(decoder, "stages", []))
        for i, stage in enumerate(stages):
            x = stage(torch.cat([decoder.transpconvs[i](x), skips[-(i + 2)]], dim=1))
            if self._deep_supervision or i == len(stages) - 1:
                logits.insert(0, decoder.seg_layers[i](x))
        if not stages:  # a plan with one resolution has only a head
            logits.append(decoder.seg_layers[0](x))
        return x, logits

    def _image(self, x: Tensor) -> Tensor:
        if x.shape[1] != self.image_channels:
            raise ValueError(f"x: expected {self.image_channels} image channels, got {x.shape[1]}")
        return x
