"""Predict the probabilities of both stages with nnU-Net's sliding window, mirroring and averaging of folds."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nnunet_cscn.errors import UserError
from nnunet_cscn.networks.cscn import CSCN
from nnunet_cscn.nnunet.wrapping import unwrapped

Probabilities = NDArray[np.float32]


class StagesPredictor:
    """Predicts the probabilities of the coarse and of the fine network for a preprocessed image.

    Args:
        predictor: nnU-Net's predictor with a loaded model. It is not changed.

    Raises:
        UserError: When the model has only one stage.
    """

    def __init__(self, predictor: Any) -> None:
        network = unwrapped(predictor.network)
        if not isinstance(network, CSCN):
            raise UserError(
                f"{predictor.trainer_name} has only one network: use CSCNTrainer, CSCNStagedTrainer or one of their "
                "variants, which have two stages to compare"
            )
        self._n_heads = network.output_channels
        self._predictor = copy.copy(predictor)
        self._predictor.network = _BothStages(network)
        self._predictor.allow_tqdm = False
        # the sliding window uses the labels only for the number of output channels
        self._predictor.label_manager = SimpleNamespace(num_segmentation_heads=2 * self._n_heads)

    def probabilities(self, image: NDArray[Any]) -> tuple[Probabilities, Probabilities]:
        """Predict a preprocessed image.

        Args:
            image: (C, Z, Y, X).

        Returns:
            The probabilities of the coarse and of the fine network, each of shape (heads, Z, Y, X), averaged over
            tiles, mirrored copies and folds. nnU-Net computes the sums in half precision.
        """
        both = self._predictor.predict_logits_from_preprocessed_data(torch.from_numpy(image)).float().numpy()
        return both[: self._n_heads], both[self._n_heads :]


class _BothStages(nn.Module):
    """Outputs the probabilities of both stages, concatenated along the channels."""

    def __init__(self, network: CSCN) -> None:
        super().__init__()
        self.network = network

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Load the weights of a fold, as nnU-Net's predictor passes them, into the wrapped network."""
        return self.network.load_state_dict(state_dict, strict=strict, assign=assign)

    @property
    def coarse(self) -> nn.Module:
        """The coarse network."""
        return self.network.coarse

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat(self.network.stage_probabilities(x), dim=1)
