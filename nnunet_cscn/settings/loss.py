"""The settings of the loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nnunet_cscn.errors import UserError
from nnunet_cscn.settings.checks import BLOCK, check_at_least

Edge = Literal["background", "surface"]


@dataclass(frozen=True)
class LossSettings:
    """The terms of the loss of one network, and their weights.

    Attributes:
        gamma: Exponent of the focal factor (1 - p_t)^gamma; 0 turns it off.
        focal_weight: Weight of the distance-weighted focal term.
        dice_weight: Weight of the soft Dice term, which the paper does not have.
        weighted_mean: Divide the focal sum by the sum of the weights. False: by the number of voxels, as in the paper's
            equations.
        distance_weighting: Use alpha = d + 1 inside a label (Eq. 7). False: alpha is 1 everywhere.
        distance_cap_mm: Upper limit of the distance, in mm; None for no limit.
        normalised: Divide alpha by its mean inside each label of a case. The label's fraction of the loss weight then
            equals its fraction of the voxels. False: Eq. 7 as printed. It gives a large tumour ten times the weight of
            its surroundings, so the network predicts too many tumour voxels.
        edge: Voxels with distance 0. ``background``: the nearest voxels outside the label, so d is at least one voxel
            size inside. ``surface``: the outermost voxels of the label.
    """

    gamma: float = 2.0
    focal_weight: float = 1.0
    dice_weight: float = 1.0
    weighted_mean: bool = True
    distance_weighting: bool = True
    distance_cap_mm: float | None = None
    normalised: bool = True
    edge: Edge = "background"

    def __post_init__(self) -> None:
        check_at_least("loss.gamma", self.gamma, 0.0)
        check_at_least("loss.focal_weight", self.focal_weight, 0.0)
        check_at_least("loss.dice_weight", self.dice_weight, 0.0)
        if self.focal_weight == self.dice_weight == 0:
            raise UserError(
                f"{BLOCK}.loss: focal_weight and dice_weight are both 0, so there is no loss; set at least one above 0"
            )
        if self.distance_cap_mm is not None:
            check_at_least("loss.distance_cap_mm", self.distance_cap_mm, 0.0)

    @property
    def uses_distance(self) -> bool:
        """Whether the loss needs distance maps."""
        return self.distance_weighting and self.focal_weight > 0
