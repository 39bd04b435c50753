"""The trainers of CSCN, and of its coarse and fine network alone."""

from __future__ import annotations

from typing import ClassVar

from torch import nn

from nnunet_cscn.losses.deep_supervision import CascadeLoss, CoarseToFineLoss
from nnunet_cscn.networks.coarse_to_fine import CoarseToFineCSCN
from nnunet_cscn.networks.cscn import CSCN
from nnunet_cscn.networks.registry import NetworkName
from nnunet_cscn.nnunet.wrapping import unwrapped
from nnunet_cscn.training.base import CSCNBaseTrainer


class CSCNTrainer(CSCNBaseTrainer):
    """Trains both networks together. Each learns from its own loss; the fine one sees the coarse probabilities."""

    network_name: ClassVar[NetworkName] = "cscn"

    def initialize(self) -> None:
        """Build everything, and set whether the outputs are classes or regions."""
        super().initialize()
        self._cascade().fusion.is_regions = self.label_manager.has_regions

    def set_deep_supervision_enabled(self, enabled: bool) -> None:
        """Choose, for both networks, between the outputs for training (True) and for prediction (False)."""
        self._cascade().deep_supervision = enabled

    def _get_deep_supervision_scales(self) -> list[list[float]]:
        network = self._cascade()
        if not isinstance(network, CoarseToFineCSCN):
            return super()._get_deep_supervision_scales()
        return [[1.0] * len(network.pooling), *network.coarse_scales]

    def _build_loss(self) -> nn.Module:
        network, settings = self._cascade(), self.settings
        if not isinstance(network, CoarseToFineCSCN):
            return CascadeLoss(
                self._stage_loss(),
                self._stage_loss(settings=settings.fine_loss),
                coarse_weight=settings.coarse_weight or 0.5,
                fine_weight=settings.fine_weight,
            )
        return CoarseToFineLoss(
            self._stage_loss(len(network.coarse_scales)),
            self._stage_loss(network.n_fine_scales, batch_dice=True, settings=settings.fine_loss),
            coarse_weight=settings.coarse_weight or 1.0,
            fine_weight=settings.fine_weight,
        )

    def _cascade(self) -> CSCN:
        network = unwrapped(self.network)
        assert isinstance(network, CSCN)
        return network


class BUNetTrainer(CSCNBaseTrainer):
    """Trains the coarse network alone: the plan's U-Net with the distance-weighted focal loss."""

    network_name = "bunet"


class ACDNetTrainer(CSCNBaseTrainer):
    """Trains the fine network alone, on the image."""

    network_name = "acdnet"
