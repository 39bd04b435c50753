"""The distance-weighted focal loss as modules for nnU-Net's targets."""

from __future__ import annotations

from torch import Tensor, nn

from nnunet_cscn.losses.functional import distance_weighted_focal_loss, distance_weighted_region_focal_loss
from nnunet_cscn.settings.loss import LossSettings


def valid_voxels(target: Tensor, *, is_regions: bool, ignore_label: int | None) -> Tensor | None:
    """Return a boolean mask (B, 1, ...), False for ignored voxels; None if there is no ignore label.

    nnU-Net stores the ignore label among the labels, or as an additional channel after the regions.
    """
    if ignore_label is None:
        return None
    return target[:, -1:] == 0 if is_regions else target != ignore_label


def without_ignored(target: Tensor, *, is_regions: bool, ignore_label: int | None) -> Tensor:
    """Return the target with ignored voxels as background; for regions without the channel that marks them."""
    if ignore_label is None:
        return target
    return target[:, :-1] if is_regions else target.masked_fill(target == ignore_label, 0)


class DistanceWeightedFocalLoss(nn.Module):
    """Distance-weighted focal loss for classes or regions.

    Args:
        settings: Gamma and the type of mean.
        is_regions: Whether targets are regions.
        ignore_label: Label of voxels without loss; None if there is none.
    """

    def __init__(self, settings: LossSettings, *, is_regions: bool, ignore_label: int | None) -> None:
        super().__init__()
        self.settings = settings
        self.is_regions = is_regions
        self.ignore_label = ignore_label

    def forward(self, logits: Tensor, target: Tensor, distance: Tensor | None) -> Tensor:
        """Return the loss.

        Args:
            logits: (B, C, ...).
            target: nnU-Net's target: labels (B, 1, ...), or regions (B, R, ...) with one more channel if some voxels
                are ignored.
            distance: alpha - 1, (B, 1, ...) or (B, R, ...), as from ``data.distance.excess_weight``; None for
                alpha = 1.
        """
        if not self.is_regions:
            return distance_weighted_focal_loss(
                logits,
                target,
                distance,
                gamma=self.settings.gamma,
                ignore_label=self.ignore_label,
                weighted_mean=self.settings.weighted_mean,
            )
        return distance_weighted_region_focal_loss(
            logits,
            without_ignored(target, is_regions=True, ignore_label=self.ignore_label),
            distance,
            gamma=self.settings.gamma,
            valid=valid_voxels(target, is_regions=True, ignore_label=self.ignore_label),
            weighted_mean=self.settings.weighted_mean,
        )
