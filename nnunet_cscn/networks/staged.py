"""The second stage of the staged cascade: a trained, frozen coarse network, and a fine network that learns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nnunet_cscn.networks.block_cascade import BlockCascade
from nnunet_cscn.networks.cscn import CSCN, StageOutputs
from nnunet_cscn.networks.fusion import SMALLEST_PROBABILITY
from nnunet_cscn.networks.plans import Extent

_Self = TypeVar("_Self", bound="FrozenCoarse")


class FrozenCoarse(CSCN):
    """A cascade with a trained coarse network whose weights are frozen.

    The coarse network runs only where the input contains no stored probabilities. The arguments are those of ``CSCN``,
    but the coarse network needs no ``decoder.deep_supervision``.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.coarse.requires_grad_(False)
        self.train(self.training)

    def train(self: _Self, mode: bool = True) -> _Self:
        """Set the mode of the fine network. The coarse network always stays in evaluation mode."""
        super().train(mode)
        self.coarse.eval()
        return self

    @property
    def deep_supervision(self) -> bool:
        """Whether ``forward`` returns the training outputs."""
        return self._deep_supervision

    @deep_supervision.setter
    def deep_supervision(self, enabled: bool) -> None:
        self._deep_supervision = enabled
        decoder: Any = self.fine.decoder
        decoder.deep_supervision = enabled

    def _image_and_coarse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the image and the coarse probabilities, either stored or computed here."""
        image, stored = self._split(x)
        if stored is not None:
            return image, self._with_background(stored)
        with torch.no_grad():
            return image, self._coarse_probabilities(self.coarse(image))


class StagedCSCN(FrozenCoarse):
    """The second stage on the whole patch. Both networks work at full resolution.

    Shape:
        As ``CSCN``, but with deep supervision the list is ``[fused, fine]``.
    """

    def forward(self, x: Tensor) -> Tensor | list[Tensor | StageOutputs]:
        """Run the fine network on the image and the coarse probabilities, either stored or computed here.

        Raises:
            ValueError: If ``x`` has neither the image channels alone nor the image channels and all stored
                probabilities.
        """
        image, coarse_p = self._image_and_coarse(x)
        fused, fine_out = self._run_fine(image, coarse_p)
        return [fused, fine_out] if self._deep_supervision else fused


class StagedBlockCSCN(FrozenCoarse, BlockCascade):
    """The second stage on blocks of the window where the first stage finds tumour or is uncertain.

    Shape:
        As ``CSCN``, but with deep supervision the list is ``[fused, fine, origins]``: logits of all scales of the
        blocks (B * K, output_channels, *block), and the first voxels of the blocks (B, K, axes).
    """

    def forward(self, x: Tensor) -> Any:
        """Run the fine network on blocks of the image and of the coarse probabilities, either stored or computed here.

        Raises:
            ValueError: If ``x`` has neither the image channels alone nor the image channels and all stored
                probabilities.
        """
        image, coarse_p = self._image_and_coarse(x)
        logits = self._logits_of(coarse_p)
        if not self._deep_supervision:
            return self.fusion(*self._coarse_and_fine(image, logits, None))
        origins = self._draw_origins(logits)
        fine_out = self._run_fine_on_blocks(image, logits, None, origins)
        with torch.no_grad():
            # only nnU-Net's pseudo Dice uses it, and only in validation
            fused = logits if self.training else self.fusion(*self._coarse_and_fine(image, logits, None))
        return [fused, fine_out, origins]

    def stage_probabilities(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the coarse and the fine probabilities. Outside the refined blocks both are the coarse ones."""
        image, coarse_p = self._image_and_coarse(x)
        return self._coarse_and_fine(image, self._logits_of(coarse_p), None)

    def _logits_of(self, p: Tensor) -> Tensor:
        p = p.clamp(SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
        return torch.logit(p) if self.fusion.is_regions else p.log()


class ResampledNetwork(nn.Module):
    """A network with another spacing and patch size, applied to a window of this configuration.

    The window is resampled to the spacing of the network and padded to an allowed size. The logits are resampled back.

    Args:
        network: The network; it returns logits (B, C, *size).
        scale: Spacing of the window divided by the spacing of the network, per axis.
        patch_size: Voxels per axis of the network's patch, the smallest input that it gets.
        multiple: The input size is a multiple of this, per axis.

    Shape:
        (B, channels, *window) -> (B, C, *window)
    """

    def __init__(
        self, network: nn.Module, *, scale: Sequence[float], patch_size: Sequence[int], multiple: Sequence[int]
    ) -> None:
        super().__init__()
        self.network = network
        self.scale = tuple(scale)
        self.patch_size = tuple(patch_size)
        self.multiple = tuple(multiple)
        self.mode = "trilinear" if len(self.scale) == 3 else "bilinear"

    def forward(self, window: Tensor) -> Tensor:
        """Return the logits of the network on the grid of the window."""
        size = tuple(window.shape[2:])
        there = tuple(max(1, round(edge * by)) for edge, by in zip(size, self.scale, strict=True))
        moved = window if there == size else F.interpolate(window, size=there, mode=self.mode)
        padding: list[int] = []
        for edge, fed in zip(reversed(there), reversed(self._padded_size(there)), strict=True):
            padding += [0, fed - edge]
        out: Tensor = self.network(F.pad(moved, padding))  # padded with zeros, as nnU-Net pads small images
        for axis, edge in enumerate(there, start=2):
            out = out.narrow(axis, 0, edge)
        return out if there == size else F.interpolate(out.float(), size=size, mode=self.mode)

    def _padded_size(self, size: Extent) -> Extent:
        largest = (max(edge, least) for edge, least in zip(size, self.patch_size, strict=True))
        return tuple(-(-edge // step) * step for edge, step in zip(largest, self.multiple, strict=True))
