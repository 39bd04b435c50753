"""The options of the loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nnunet_cscn.errors import UserError
from nnunet_cscn.settings.checks import BLOCK, at_least

Edge = Literal["background", "surface"]


@dataclass(frozen=True)
class LossSettings:
    """How the loss of one stage is put together.

    Attributes:
        gamma: Exponent of the focal factor (1 - p_t)^gamma; 0 switches it off.
        focal_weight: Weight of the distance-weighted focal term.
        dice_weight: Weight of the soft Dice term; the paper has none.
        weighted_mean: Divide the focal sum by the sum of the weights (True) or by the number of voxels (False, as the
            paper's equations read).
        distance_weighting: Use alpha = d + 1 inside a label (Eq. 7); False sets alpha to 1 everywhere.
        distance_cap_mm: Largest distance that counts, in mm; None for no cap.
        normalised: Divide alpha inside each label of a case by its mean there, so that a label's share of the loss is
            its share of the voxels. False: Eq. 7 as printed, which weighs a large tumour ten times as much as its
            surroundings and so marks too much.
        edge: Where d is 0. ``background``: at the nearest voxel outside the label, so that d is at least one voxel
            inside. ``surface``: on the label's own outermost voxels.
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
        at_least("loss.gamma", self.gamma, 0.0)
        at_least("loss.focal_weight", self.focal_weight, 0.0)
        at_least("loss.dice_weight", self.dice_weight, 0.0)
        if self.focal_weight == self.dice_weight == 0:
            raise UserError(
                f"{BLOCK}.loss: focal_weight and dice_weight are both 0, so there is no loss; set at least one above 0"
            )
        if self.distance_cap_mm is not None:
            at_least("loss.distance_cap_mm", self.distance_cap_mm, 0.0)
