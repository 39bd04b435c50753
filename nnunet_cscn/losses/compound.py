"""The default loss of the trainers: distance-weighted focal loss plus nnU-Net's soft Dice loss."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nnunet_cscn.losses.focal import DistanceWeightedFocalLoss, valid_voxels, without_ignored
from nnunet_cscn.nnunet.modules import MemoryEfficientSoftDiceLoss, softmax_helper_dim1
from nnunet_cscn.settings.loss import LossSettings


class FocalDiceLoss(nn.Module):
    """Weighted sum of the distance-weighted focal loss and the soft Dice loss.

    The Dice part is nnU-Net's own class with nnU-Net's settings: for classes without the background, for regions with
    all channels.

    Args:
        settings: Weights of both terms and settings of the focal loss. Without ``distance_weighting``, distances are
            ignored.
        is_regions: Whether targets are regions.
        ignore_label: Label of voxels without loss; None if there is none.
        batch_dice: Compute Dice over the whole batch instead of per sample, as set in the plan.
        is_distributed: Whether to sum over all processes of a distributed training.
    """

    def __init__(
        self,
        settings: LossSettings,
        *,
        is_regions: bool,
        ignore_label: int | None,
        batch_dice: bool,
        is_distributed: bool,
    ) -> None:
        super().__init__()
        self.settings = settings
        self.is_regions = is_regions
        self.ignore_label = ignore_label
        self.focal = DistanceWeightedFocalLoss(settings, is_regions=is_regions, ignore_label=ignore_label)
        self.dc: nn.Module = MemoryEfficientSoftDiceLoss(
            apply_nonlin=torch.sigmoid if is_regions else softmax_helper_dim1,
            batch_dice=batch_dice,
            do_bg=is_regions,
            smooth=1e-5,
            ddp=is_distributed,
        )

    def forward(self, logits: Tensor, target: Tensor, distance: Tensor | None) -> Tensor:
        """Return the loss; see :class:`DistanceWeightedFocalLoss` for the arguments."""
        loss = logits.new_zeros((), dtype=torch.float32)
        if self.settings.focal_weight > 0:
            weighting = distance if self.settings.distance_weighting else None
            loss = loss + self.settings.focal_weight * self.focal(logits, target, weighting)
        if self.settings.dice_weight > 0:
            loss = loss + self.settings.dice_weight * self._dice(logits, target)
        return loss

    def _dice(self, logits: Tensor, target: Tensor) -> Tensor:
        kinds = {"is_regions": self.is_regions, "ignore_label": self.ignore_label}
        mask = valid_voxels(target, **kinds)  # type: ignore[arg-type]
        dice: Tensor = self.dc(logits, without_ignored(target, **kinds), loss_mask=mask)  # type: ignore[arg-type]
        return dice
