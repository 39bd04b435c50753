"""Combine the probabilities of two networks, as logits to which nnU-Net applies its own softmax or sigmoid."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from nnunet_cscn.settings.block import FusionMode

SMALLEST_PROBABILITY = 1e-6  # nnU-Net's predictor refuses infinite logits, so no probability reaches 0 or 1


class RegionMode(nn.Module):
    """Stores in the checkpoint whether the outputs are regions (sigmoid) or classes (softmax).

    nnU-Net does not tell the network which of the two it is when it builds it for prediction, so the flag is stored
    with the weights. It is a Python bool, so ``forward`` reads it without a device synchronisation.
    """

    def __init__(self) -> None:
        super().__init__()
        self.is_regions = False

    def get_extra_state(self) -> Tensor:
        """Return the flag as a tensor, for the checkpoint."""
        return torch.tensor(self.is_regions, dtype=torch.uint8)

    def set_extra_state(self, state: Any) -> None:
        """Set the flag from the checkpoint."""
        self.is_regions = bool(state)


class ProbabilityFusion(nn.Module):
    """Fuse the probabilities of the coarse and the fine network (Guo et al. 2022, section 3.1).

    Args:
        mode: ``mean`` of both, or ``fine`` alone.

    Example:
        >>> fusion = ProbabilityFusion("mean")
        >>> coarse, fine = torch.tensor([[[0.2], [0.8]]]), torch.tensor([[[0.4], [0.6]]])
        >>> [round(p, 6) for p in fusion(coarse, fine).softmax(1).flatten().tolist()]
        [0.3, 0.7]
    """

    def __init__(self, mode: FusionMode) -> None:
        super().__init__()
        self.mode = mode
        # nnU-Net does not load keys with ".seg_layers." from pretrained weights, so the flag of other weights is
        # ignored
        self.seg_layers = RegionMode()

    @property
    def is_regions(self) -> bool:
        """Whether the outputs are overlapping regions, each with its own sigmoid."""
        return self.seg_layers.is_regions

    @is_regions.setter
    def is_regions(self, value: bool) -> None:
        self.seg_layers.is_regions = value

    def probabilities(self, logits: Tensor) -> Tensor:
        """Return float32 probabilities of logits (B, C, *size)."""
        return logits.float().sigmoid() if self.is_regions else logits.float().softmax(dim=1)

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        """Return logits of the fused probability.

        Args:
            coarse: Probabilities of the coarse network, (B, C, *size).
            fine: Probabilities of the fine network, (B, C, *size).

        Returns:
            float32 (B, C, *size): log p for classes, log p - log(1 - p) for regions.
        """
        fused = fine if self.mode == "fine" else (coarse + fine) / 2
        fused = fused.float().clamp(SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
        return torch.logit(fused) if self.is_regions else fused.log()
