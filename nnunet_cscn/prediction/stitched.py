"""Hand the coarse probabilities of the whole image to the fine network, as the stored ones were in training.

Inside the network, every tile computes the probabilities that it refines by itself: at a tile's border they know less
of the surroundings than the stored maps, which nnU-Net's sliding window put together from overlapping tiles.
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
    """nnU-Net's predictor for the staged cascade, with two passes over the tiles: coarse, then fine."""

    network: nn.Module  # nnU-Net's own attributes, which carry no types
    label_manager: Any

    def initialize_from_trained_model_folder(self, *args: Any, **kwargs: Any) -> None:
        """Load a model as nnU-Net does.

        Raises:
            ArgumentError: When it is no staged cascade.
        """
        super().initialize_from_trained_model_folder(*args, **kwargs)
        if not isinstance(unwrapped(self.network), FrozenCoarse):
            raise ArgumentError(
                "mode",
                f"{self.trainer_name} was not trained on stitched probabilities; use CSCNStagedTrainer or one of its "
                "variants",
            )
        self._stage_one_labels = self.label_manager  # other users of this predictor may ask for more channels

    def predict_sliding_window_return_logits(self, input_image: Tensor) -> Tensor:
        """Predict the coarse probabilities of the whole image, then what the fine network makes of both.

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
            logits = super().predict_sliding_window_return_logits(image).to(image.device).float()  # off a full GPU
        finally:
            self.network, self.label_manager = kept
        probabilities: Tensor = self._stage_one_labels.apply_inference_nonlin(logits)
        foreground = probabilities if self._stage_one_labels.has_regions else probabilities[1:]
        return foreground.to(image.dtype)


class _Coarse(nn.Module):
    """The frozen network inside another one."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.coarse: Any = unwrapped(network).coarse

    def forward(self, x: Tensor) -> Any:
        return self.coarse(x)
