"""The accuracy of every batch, recorded without a device synchronisation."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


def voxel_accuracy(logits: Tensor, target: Tensor, *, are_regions: bool, ignore_label: int | None) -> Tensor:
    """Return the fraction of voxels with the correct label (for regions: with all regions correct).

    Args:
        logits: (B, C, Z, Y, X).
        target: Labels (B, 1, Z, Y, X), or regions (B, C, Z, Y, X) with one more channel that marks ignored voxels.
        are_regions: Whether the targets are regions.
        ignore_label: Label of voxels with unknown class; None if there is none.

    Returns:
        A scalar on the device of ``logits``, without synchronisation; nan if every voxel is ignored.
    """
    if are_regions:
        n_regions = logits.shape[1]
        is_right = ((logits > 0) == target[:, :n_regions].bool()).all(dim=1)
        is_known = ~target[:, -1].bool() if ignore_label is not None else torch.ones_like(is_right)
    else:
        labels = target[:, 0]
        is_right = logits.argmax(dim=1) == labels
        is_known = labels != ignore_label if ignore_label is not None else torch.ones_like(is_right)
    return (is_right & is_known).sum() / is_known.sum()


class AccuracyMeter:
    """Records the accuracy of each batch when its loss is computed. It synchronises the device only on request.

    Args:
        loss: nnU-Net's loss module; it is called with the output and target of each batch.
        are_regions: As in ``voxel_accuracy``.
        ignore_label: As in ``voxel_accuracy``.
    """

    def __init__(self, loss: nn.Module, *, are_regions: bool, ignore_label: int | None) -> None:
        self._are_regions = are_regions
        self._ignore_label = ignore_label
        self._noted: list[Tensor] = []
        loss.register_forward_pre_hook(self._note)

    def pop_accuracies(self) -> list[float]:
        """Return the accuracies recorded since the last call."""
        noted, self._noted = self._noted, []
        return [float(value) for value in torch.stack(noted).cpu()] if noted else []

    def _note(self, _loss: nn.Module, arguments: tuple[Any, ...]) -> None:
        output, target = arguments
        full_resolution = output[0] if isinstance(output, (list, tuple)) else output
        with torch.no_grad():
            self._noted.append(
                voxel_accuracy(
                    full_resolution, target[0], are_regions=self._are_regions, ignore_label=self._ignore_label
                )
            )
