"""Losses over all output scales of one network, or of both networks of the cascade."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from nnunet_cscn.networks.cutting import cut_blocks

SMALLEST_WEIGHT = 1e-6


def scale_weights(n_scales: int) -> tuple[float, ...]:
    """Return the weight of each scale: halved from scale to scale, almost 0 for the last, with sum 1.

    nnU-Net ignores the lowest resolution. But with a weight of exactly 0, its head gets no gradient, which distributed
    training does not allow. So the last of several scales gets 1e-6, as in nnU-Net's distributed training.

    Example:
        >>> [round(w, 3) for w in scale_weights(4)]
        [0.571, 0.286, 0.143, 0.0]
        >>> scale_weights(1)
        (1.0,)
    """
    weights = [0.5**i for i in range(n_scales)]
    if n_scales > 1:
        weights[-1] = SMALLEST_WEIGHT
    return tuple(w / sum(weights) for w in weights)


class DeepSupervisionLoss(nn.Module):
    """Weighted sum of a loss over the scales of one network.

    Args:
        loss: Called with (logits, target, distance or None).
        weights: Weight of each scale, full resolution first.
        has_distance: Whether the last target is the distance map at full resolution.
    """

    def __init__(self, loss: nn.Module, weights: Sequence[float], *, has_distance: bool) -> None:
        super().__init__()
        self.loss = loss
        self.weights = tuple(weights)
        self.has_distance = has_distance

    def forward(self, outputs: Sequence[Tensor], targets: Sequence[Tensor]) -> Tensor:
        """Return the weighted sum.

        Args:
            outputs: Logits of each scale, full resolution first.
            targets: Targets of each scale, followed by the distance map if there is one.

        Raises:
            ValueError: If the numbers of scales differ.
        """
        distance = targets[-1] if self.has_distance else None
        labels = targets[:-1] if self.has_distance else targets
        if not len(outputs) == len(labels) == len(self.weights):
            raise ValueError(
                f"outputs: expected {len(self.weights)} scales, got {len(outputs)} and {len(labels)} targets"
            )
        terms = [
            weight * self.loss(logits, target, _pooled(distance, logits.shape[2:]))
            for weight, logits, target in zip(self.weights, outputs, labels, strict=True)
        ]
        total: Tensor = sum(terms[1:], terms[0])
        return total


class CascadeLoss(nn.Module):
    """Weighted sum of the losses of the coarse and the fine network in a joint training.

    The fused probability, the first output, has no loss: each network learns from its own outputs.
    """

    def __init__(
        self, coarse_loss: DeepSupervisionLoss, fine_loss: nn.Module, *, coarse_weight: float, fine_weight: float
    ) -> None:
        super().__init__()
        self.coarse_loss = coarse_loss
        self.fine_loss = fine_loss
        self.coarse_weight = coarse_weight
        self.fine_weight = fine_weight

    def forward(self, outputs: Sequence[Any], targets: Sequence[Tensor]) -> Tensor:
        """Return the weighted sum for outputs ``[fused, coarse scales, fine scales]``."""
        _fused, coarse, fine = outputs
        total: Tensor = self.coarse_weight * self.coarse_loss(coarse, targets) + self.fine_weight * self.fine_loss(
            fine, targets
        )
        return total


class BlockLoss(nn.Module):
    """The loss of a network on blocks of a window. All blocks of a batch are treated as one batch.

    Args:
        loss: Loss over the scales of the blocks.
    """

    def __init__(self, loss: DeepSupervisionLoss) -> None:
        super().__init__()
        self.loss = loss

    def forward(self, scales: Sequence[Tensor], origins: Tensor, targets: Sequence[Tensor]) -> Tensor:
        """Return the loss.

        Args:
            scales: Logits of each scale, full resolution (B * K, C, *block) first.
            origins: First voxel of each block, (B, K, axes).
            targets: Labels of the window, full resolution first, and its distance map last if there is one.
        """
        size = scales[0].shape[2:]
        blocks = cut_blocks(targets[0], origins, size)
        cuts = [_nearest(blocks, logits.shape[2:]) for logits in scales]
        if self.loss.has_distance:
            cuts.append(cut_blocks(targets[-1], origins, size))
        total: Tensor = self.loss(scales, cuts)
        return total


class CoarseToFineLoss(CascadeLoss):
    """Weighted sum of the losses of a coarse network on the pooled window and a fine network on blocks of it.

    Args:
        coarse_loss: Loss over the scales of the pooled window.
        fine_loss: Loss over the scales of the blocks.
        coarse_weight: Weight of the coarse loss.
        fine_weight: Weight of the fine loss.
    """

    def __init__(
        self,
        coarse_loss: DeepSupervisionLoss,
        fine_loss: DeepSupervisionLoss,
        *,
        coarse_weight: float,
        fine_weight: float,
    ) -> None:
        super().__init__(coarse_loss, BlockLoss(fine_loss), coarse_weight=coarse_weight, fine_weight=fine_weight)

    def forward(self, outputs: Sequence[Any], targets: Sequence[Tensor]) -> Tensor:
        """Return the weighted sum.

        Args:
            outputs: ``[fused, coarse scales, fine scales, origins of the blocks]``.
            targets: Labels at full resolution, then labels of each coarse scale, and the distance map if there is one.
        """
        _fused, coarse, fine, origins = outputs
        total: Tensor = self.coarse_weight * self.coarse_loss(coarse, targets[1:]) + self.fine_weight * self.fine_loss(
            fine, origins, targets
        )
        return total


class FineBlockLoss(nn.Module):
    """The loss of the fine network on blocks, if the coarse network is already trained."""

    def __init__(self, loss: DeepSupervisionLoss) -> None:
        super().__init__()
        self.fine_loss = BlockLoss(loss)

    def forward(self, outputs: Sequence[Any], targets: Sequence[Tensor]) -> Tensor:
        """Return the loss for outputs ``[fused, fine scales, origins of the blocks]``."""
        _fused, fine, origins = outputs
        total: Tensor = self.fine_loss(fine, origins, targets)
        return total


class FineLoss(nn.Module):
    """The loss of the fine network, if the coarse network is already trained."""

    def __init__(self, stage_loss: DeepSupervisionLoss) -> None:
        super().__init__()
        self.stage_loss = stage_loss

    def forward(self, outputs: Sequence[Any], targets: Sequence[Tensor]) -> Tensor:
        """Return the loss for outputs ``[fused, fine scales]``."""
        _fused, fine = outputs
        total: Tensor = self.stage_loss(fine, targets)
        return total


def _nearest(labels: Tensor, size: Sequence[int]) -> Tensor:
    """Take every n-th voxel: the same ones as nnU-Net for its lower scales."""
    for axis, (edge, wanted) in enumerate(zip(labels.shape[2:], size, strict=True), start=2):
        step = edge // wanted
        labels = labels.narrow(axis, step // 2, edge - step // 2)
        labels = labels[(slice(None),) * axis + (slice(None, None, step),)]
    return labels


def _pooled(distance: Tensor | None, size: Sequence[int]) -> Tensor | None:
    """Average the distance map to the size of a scale."""
    if distance is None or tuple(distance.shape[2:]) == tuple(size):
        return distance
    return F.interpolate(distance, size=tuple(size), mode="area")
