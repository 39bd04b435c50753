"""The second stage of the staged cascade: a finished coarse network, frozen, and the fine one that learns."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nnunet_cscn.networks.cscn import CSCN, StageOutputs


class StagedCSCN(CSCN):
    """CSCN with a frozen coarse network, which is only needed where no stored probabilities come with the image.

    Its arguments are those of CSCN; the coarse network needs no ``decoder.deep_supervision``.

    Shape:
        As CSCN, but under deep supervision the list is ``[fused, fine]``.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.coarse.requires_grad_(False)
        self.train(self.training)

    def train(self, mode: bool = True) -> StagedCSCN:
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

    def forward(self, x: Tensor) -> Tensor | list[Tensor | StageOutputs]:
        """Run the fine network on the image and the probabilities, stored or computed here.

        Raises:
            ValueError: When ``x`` has neither the image's channels nor those and all stored probabilities.
        """
        image, stored = self._split(x)
        if stored is not None:
            coarse_p = self._with_background(stored)
        else:
            with torch.no_grad():
                coarse_p = self._own_probabilities(self.coarse(image))
        fused, fine_out = self._refined(image, coarse_p)
        return [fused, fine_out] if self._deep_supervision else fused
