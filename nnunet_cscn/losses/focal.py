"""The distance-weighted focal loss as modules that read nnU-Net's targets."""

from __future__ import annotations

from torch import Tensor, nn

from nnunet_cscn.losses.functional import distance_weighted_focal_loss, distance_weighted_region_focal_loss
from nnunet_cscn.settings.loss import LossSettings


def valid_voxels(target: Tensor, *, is_regions: bool, ignore_label: int | None) -> Tensor | None:
    """Return (B, 1, ...) boolean, False where a voxel is ignored; None when the data set ignores nothing.

    nnU-Net keeps the ignore label among the labels, or as one more channel behind the regions.
    """
    if ignore_label is None:
        return None
    return target[:, -1:] == 0 if is_regions else target != ignore_label


def without_ignored(target: Tensor, *, is_regions: bool, ignore_label: int | None) -> Tensor:
    """Return the target with its ignored voxels as background, or without the channel that marks them."""
    if ignore_label is None:
        return target
    return target[:, :-1] if is_regions else target.masked_fill(target == ignore_label, 0)


class DistanceWeightedFocalLoss(nn.Module):
    """Distance-weighted focal loss for classes or regions.

    Args:
        settings: Gamma and the kind of mean.
        is_regions: Whether targets are regions.
        ignore_label: The label without loss; None when there is none.
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
            target: nnU-Net's target: (B, 1, ...) labels, or (B, R, ...) regions and one more channel where some
                voxels are ignored.
            distance: (B, 1, ...) or (B, R, ...), what alpha has above 1 (``data.distance.excess_weight``); None for
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
