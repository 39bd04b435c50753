"""The separate losses of the coarse and the fine network, recorded without waiting for the device."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from nnunet_cscn.losses.deep_supervision import CascadeLoss


class StageLosses:
    """Records the unweighted losses of the coarse and the fine network when they are computed.

    Args:
        loss: The loss of the trainer. For a single network nothing is recorded.
    """

    def __init__(self, loss: nn.Module) -> None:
        self._noted: dict[str, list[Tensor]] = {}
        if isinstance(loss, CascadeLoss):
            self._watch(loss.coarse_loss, "coarse")
            self._watch(loss.fine_loss, "fine")

    def pop_losses(self) -> dict[str, float]:
        """Return the mean loss of each network since the last call."""
        noted, self._noted = self._noted, {}
        return {name: float(torch.stack(values).mean()) for name, values in noted.items()}

    def _watch(self, module: nn.Module, name: str) -> None:
        def note(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
            self._noted.setdefault(name, []).append(output.detach().float())

        module.register_forward_hook(note)
