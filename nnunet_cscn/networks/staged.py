"""The second stage of the staged cascade: a finished coarse network, frozen, and the fine one that learns."""

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
    """A cascade whose coarse network is finished, and only needed where no stored probabilities come with the image.

    Its arguments are those of the cascade; the coarse network needs no ``decoder.deep_supervision``.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.coarse.requires_grad_(False)
        self.train(self.training)

    def train(self: _Self, mode: bool = True) -> _Self:
        """Switch the fine network; the coarse one always stays in evaluation mode."""
        super().train(mode)
        self.coarse.eval()
        return self

    @property
    def deep_supervision(self) -> bool:
        """Whether ``forward`` returns what training needs."""
        return self._deep_supervision

    @deep_supervision.setter
    def deep_supervision(self, enabled: bool) -> None:
        self._deep_supervision = enabled
        decoder: Any = self.fine.decoder
        decoder.deep_supervision = enabled

    def _image_and_coarse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the image and the coarse probabilities, stored or computed here."""
        image, stored = self._split(x)
        if stored is not None:
            return image, self._with_background(stored)
        with torch.no_grad():
            return image, self._own_probabilities(self.coarse(image))


class StagedCSCN(FrozenCoarse):
    """The second stage on the whole patch, both networks at full resolution.

    Shape:
        As CSCN, but under deep supervision the list is ``[fused, fine]``.
    """

    def forward(self, x: Tensor) -> Tensor | list[Tensor | StageOutputs]:
        """Run the fine network on the image and the probabilities, stored or computed here.

        Raises:
            ValueError: When ``x`` has neither the image's channels nor those and all stored probabilities.
        """
        image, coarse_p = self._image_and_coarse(x)
        fused, fine_out = self._refined(image, coarse_p)
        return [fused, fine_out] if self._deep_supervision else fused


class StagedBlockCSCN(FrozenCoarse, BlockCascade):
    """The second stage on blocks inside a window, where the first stage sees tumour or is unsure.

    Shape:
        As CSCN, but under deep supervision the list is ``[fused, fine, origins]``: logits of the blocks' scales
        (B * K, output_channels, *block), and the blocks' first voxels (B, K, axes).
    """

    def forward(self, x: Tensor) -> Any:
        """Run the fine network on blocks of the image and of the probabilities, stored or computed here.

        Raises:
            ValueError: When ``x`` has neither the image's channels nor those and all stored probabilities.
        """
        image, coarse_p = self._image_and_coarse(x)
        logits = self._logits_of(coarse_p)
        if not self._deep_supervision:
            return self.fusion(*self._both(image, logits, None))
        origins = self._draw(logits)
        fine_out = self._fine_blocks(image, logits, None, origins)
        with torch.no_grad():
            # nnU-Net's pseudo Dice looks at it in validation alone
            fused = logits if self.training else self.fusion(*self._both(image, logits, None))
        return [fused, fine_out, origins]

    def stage_probabilities(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the probabilities of the coarse network and of the fine one where it ran, of the coarse elsewhere."""
        image, coarse_p = self._image_and_coarse(x)
        return self._both(image, self._logits_of(coarse_p), None)

    def _logits_of(self, p: Tensor) -> Tensor:
        p = p.clamp(SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
        return torch.logit(p) if self.fusion.is_regions else p.log()


class OtherGrid(nn.Module):
    """A network of another spacing and patch, for a window of this one.

    The window is resampled to the network's spacing, padded to what it can take, and its logits come back the same way.

    Args:
        network: Returns logits (B, C, *size).
        scale: Spacing of the window / spacing of the network, axis by axis.
        patch_size: Voxels per axis of the network's own patch, which is the least that it sees.
        multiple: What its input has to be divisible by.

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
        """Return the network's logits on the window's grid."""
        size = tuple(window.shape[2:])
        there = tuple(max(1, round(edge * by)) for edge, by in zip(size, self.scale, strict=True))
        moved = window if there == size else F.interpolate(window, size=there, mode=self.mode)
        padding: list[int] = []
        for edge, fed in zip(reversed(there), reversed(self._fed(there)), strict=True):
            padding += [0, fed - edge]
        out: Tensor = self.network(F.pad(moved, padding))  # with zeros, as nnU-Net pads images that are too small
        for axis, edge in enumerate(there, start=2):
            out = out.narrow(axis, 0, edge)
        return out if there == size else F.interpolate(out.float(), size=size, mode=self.mode)

    def _fed(self, size: Extent) -> Extent:
        largest = (max(edge, least) for edge, least in zip(size, self.patch_size, strict=True))
        return tuple(-(-edge // step) * step for edge, step in zip(largest, self.multiple, strict=True))
