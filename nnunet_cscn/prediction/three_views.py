"""Predict an image in three views and average the results, for models that were trained on blocks from three views."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from nnunet_cscn.data.views import VIEWS
from nnunet_cscn.errors import ArgumentError
from nnunet_cscn.nnunet.inference import nnUNetPredictor
from nnunet_cscn.settings.block import Settings


class ThreeViewsPredictor(nnUNetPredictor):  # type: ignore[misc]
    """nnU-Net's predictor for three views: permute the axes, predict, permute the logits back, average."""

    configuration_manager: Any  # attribute of nnU-Net, which has no type hints

    def initialize_from_trained_model_folder(self, *args: Any, **kwargs: Any) -> None:
        """Load a model as nnU-Net does.

        Raises:
            ArgumentError: When the model was trained on one view.
        """
        super().initialize_from_trained_model_folder(*args, **kwargs)
        if not Settings.from_configuration(self.configuration_manager.configuration).three_views:
            raise ArgumentError(
                "mode",
                f"{self.trainer_name} was trained on one view; train a configuration with the option "
                "three_views=true (see `cscn configure`)",
            )

    def predict_sliding_window_return_logits(self, input_image: Tensor) -> Tensor:
        """Predict the image in each view.

        Args:
            input_image: (C, Z, Y, X).

        Returns:
            The mean of the logits (nnU-Net averages mirrored copies in the same way).
        """
        total: Tensor | None = None
        for order in VIEWS.values():
            turned = input_image.permute(0, *(1 + axis for axis in order)).contiguous()
            logits = super().predict_sliding_window_return_logits(turned)
            back = logits.permute(0, *(1 + int(axis) for axis in np.argsort(order))).float().cpu()  # off a full GPU
            total = back if total is None else total + back
        assert total is not None
        mean: Tensor = (total / len(VIEWS)).to(torch.half)
        return mean
