"""The losses of both networks apart, noted without waiting for the device."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from nnunet_cscn.losses.deep_supervision import CascadeLoss, CoarseToFineLoss


class LossParts:
    """Notes the losses of the coarse and of the fine network as they are computed, unweighted.

    Args:
        loss: The loss of the trainer; one of a single network has no parts.
    """

    def __init__(self, loss: nn.Module) -> None:
        self._noted: dict[str, list[Tensor]] = {}
        if isinstance(loss, CoarseToFineLoss):
            self._watch(loss.coarse_loss, ["coarse"])
            self._watch(loss.fine_loss, ["fine"])
        elif isinstance(loss, CascadeLoss):  # one module, called for the coarse network first
            self._watch(loss.stage_loss, ["coarse", "fine"])

    def taken(self) -> dict[str, float]:
        """Return the mean of each part since the last call."""
        noted, self._noted = self._noted, {}
        return {name: float(torch.stack(values).mean()) for name, values in noted.items()}

    def _watch(self, module: nn.Module, names: Iterable[str]) -> None:
        turns = itertools.cycle(names)

        def note(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
            self._noted.setdefault(next(turns), []).append(output.detach().float())

        module.register_forward_hook(note)
