"""Predict with stitched maps: run the coarse network on the whole image first, then the fine network.

In training, the fine network gets stored probability maps that were averaged over overlapping tiles. By default,
prediction computes the coarse probabilities inside each tile again. At the border of a tile these have less context.
The stitched mode avoids this difference.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from nnunet_cscn.errors import ArgumentError
from nnunet_cscn.networks.staged import FrozenCoarse
from nnunet_cscn.nnunet.inference import nnUNetPredictor
from nnunet_cscn.nnunet.wrapping import unwrapped


class StitchedPredictor(nnUNetPredictor):  # type: ignore[misc]
    """nnU-Net's predictor for the staged cascade with two sliding-window passes: coarse, then fine."""

    network: nn.Module  # attributes of nnU-Net, which has no type hints
    label_manager: Any

    def initialize_from_trained_model_folder(self, *args: Any, **kwargs: Any) -> None:
        """Load a model as nnU-Net does.

        Raises:
            ArgumentError: When the model is not a staged cascade.
        """
        super().initialize_from_trained_model_folder(*args, **kwargs)
        if not isinstance(unwrapped(self.network), FrozenCoarse):
            raise ArgumentError(
                "mode",
                f"{self.trainer_name} was not trained on stitched probabilities; use CSCNStagedTrainer or one of its "
                "variants",
            )
        self._stage_one_labels = self.label_manager  # callers may replace label_manager to get more channels

    def predict_sliding_window_return_logits(self, input_image: Tensor) -> Tensor:
        """Predict the coarse probabilities of the whole image, then run the fine network on image and probabilities.

        Args:
            input_image: (C, Z, Y, X).
        """
        image = torch.cat([input_image, self._coarse_foreground(input_image)])
        logits: Tensor = super().predict_sliding_window_return_logits(image)
        return logits

    def _coarse_foreground(self, image: Tensor) -> Tensor:
        kept = self.network, self.label_manager
        self.network, self.label_manager = _Coarse(kept[0]), self._stage_one_labels
        try:
            logits = super().predict_sliding_window_return_logits(image).to(image.device).float()  # frees GPU memory
        finally:
            self.network, self.label_manager = kept
        probabilities: Tensor = self._stage_one_labels.apply_inference_nonlin(logits)
        foreground = probabilities if self._stage_one_labels.has_regions else probabilities[1:]
        return foreground.to(image.dtype)


class _Coarse(nn.Module):
    """The frozen coarse network of a staged cascade."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.coarse: Any = unwrapped(network).coarse

    def forward(self, x: Tensor) -> Any:
        return self.coarse(x)
