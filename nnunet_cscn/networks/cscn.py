"""CSCN: the coarse BUNet, the fine ACDNet that also sees the coarse probabilities, and the fusion of both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from nnunet_cscn.networks.fusion import ProbabilityFusion
from nnunet_cscn.settings.block import FusionMode

StageOutputs = list[Tensor]


class CSCN(nn.Module):
    """The multi-scale cascaded fully convolutional network (Guo et al. 2022, Fig. 1).

    Args:
        coarse: Network with image_channels input channels and the attribute ``decoder.deep_supervision``.
        fine: Network with image_channels + output_channels input channels and the same attribute.
        image_channels: Channels of the image.
        output_channels: Number of classes including the background, or of regions.
        fusion: How the two probabilities are combined.
        deep_supervision: Whether ``forward`` returns the training outputs.

    Shape:
        (B, image_channels, *size), or (B, image_channels + stored probabilities, *size). Stored probabilities are those
        of the foreground: output_channels - 1 for classes, output_channels for regions. Returns logits of the fused
        probability, (B, output_channels, *size), float32. With deep supervision the list ``[fused, coarse, fine]``,
        where coarse and fine are lists of logits, full resolution first.

    Note:
        The coarse probabilities are detached before the fine network reads them: each network learns only from its own
        loss. In the paper the fine network is likewise trained on finished maps. Deep supervision does not depend on
        ``training``, because nnU-Net's validation step calls ``eval()`` but still needs the list.
    """

    def __init__(
        self,
        coarse: nn.Module,
        fine: nn.Module,
        *,
        image_channels: int,
        output_channels: int,
        fusion: FusionMode,
        deep_supervision: bool,
    ) -> None:
        super().__init__()
        self.coarse = coarse
        self.fine = fine
        self.fusion = ProbabilityFusion(fusion)
        self.image_channels = image_channels
        self.output_channels = output_channels
        self.deep_supervision = deep_supervision

    @property
    def deep_supervision(self) -> bool:
        """Whether ``forward`` returns the training outputs."""
        return self._deep_supervision

    @deep_supervision.setter
    def deep_supervision(self, enabled: bool) -> None:
        self._deep_supervision = enabled
        for network in (self.coarse, self.fine):
            decoder: Any = network.decoder
            decoder.deep_supervision = enabled

    @property
    def stored_channels(self) -> int:
        """Number of stored probability channels that may follow the image channels."""
        return self.output_channels if self.fusion.is_regions else self.output_channels - 1

    def forward(self, x: Tensor) -> Tensor | list[Tensor | StageOutputs]:
        """Run both networks.

        Raises:
            ValueError: If ``x`` has neither the image channels alone nor the image channels and all stored
                probabilities.
        """
        image, stored = self._split(x)
        coarse_out: Tensor | StageOutputs = self.coarse(image) if stored is None or self._deep_supervision else []
        coarse_p = self._coarse_probabilities(coarse_out) if stored is None else self._with_background(stored)
        fused, fine_out = self._run_fine(image, coarse_p)
        return [fused, coarse_out, fine_out] if self._deep_supervision else fused

    def stage_probabilities(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the coarse and the fine probabilities, each float32 (B, output_channels, *size).

        Raises:
            ValueError: As ``forward``.
        """
        image, stored = self._split(x)
        coarse_p = self._coarse_probabilities(self.coarse(image)) if stored is None else self._with_background(stored)
        return coarse_p, self.fusion.probabilities(_full_resolution(self._fine_out(image, coarse_p)))

    def _fine_out(self, image: Tensor, coarse_p: Tensor) -> Tensor | StageOutputs:
        out: Tensor | StageOutputs = self.fine(torch.cat([image, coarse_p.to(image.dtype)], dim=1))
        return out

    def _run_fine(self, image: Tensor, coarse_p: Tensor) -> tuple[Tensor, Tensor | StageOutputs]:
        """Return the fused logits and the output of the fine network."""
        fine_out = self._fine_out(image, coarse_p)
        fine_p = self.fusion.probabilities(_full_resolution(fine_out))
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self._deep_supervision):
            # in training no gradient: only nnU-Net's pseudo Dice uses it
            fused: Tensor = self.fusion(coarse_p, fine_p)
        return fused, fine_out

    def _split(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        if x.shape[1] == self.image_channels:
            return x, None
        if x.shape[1] == self.image_channels + self.stored_channels:
            return x[:, : self.image_channels], x[:, self.image_channels :]
        raise ValueError(
            f"x: expected {self.image_channels} image channels, or {self.image_channels + self.stored_channels} with "
            f"stored probabilities, got {x.shape[1]}"
        )

    def _coarse_probabilities(self, coarse_out: Tensor | StageOutputs) -> Tensor:
        return self.fusion.probabilities(_full_resolution(coarse_out).detach())

    def _with_background(self, stored: Tensor) -> Tensor:
        stored = stored.float()
        if self.fusion.is_regions:
            return stored
        return torch.cat([(1 - stored.sum(dim=1, keepdim=True)).clamp(min=0), stored], dim=1)

    def compute_conv_feature_map_size(self, input_size: Sequence[int]) -> int:
        """Return the size of all convolution outputs of both networks, which are in memory at the same time."""
        parts: list[Any] = [self.coarse, self.fine]
        return sum(int(part.compute_conv_feature_map_size(input_size)) for part in parts)


def _full_resolution(out: Tensor | StageOutputs) -> Tensor:
    return out[0] if isinstance(out, list) else out
