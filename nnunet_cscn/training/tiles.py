"""Predict larger tiles than the blocks that a network was trained on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from nnunetv2.utilities.plans_handling.plans_handler import ConfigurationManager

from nnunet_cscn.files import write_json
from nnunet_cscn.prediction_plans import plans_for_prediction
from nnunet_cscn.settings import Settings


class TilePredictingTrainer(nnUNetTrainer):
    """nnU-Net's trainer, which trains on blocks and validates with tiles, where the options name a tile size."""

    settings: Settings
    configuration_manager: ConfigurationManager

    def on_train_start(self) -> None:
        """Do what nnU-Net does; then give the model the plans that it predicts with."""
        super().on_train_start()
        if self.settings.tile_size is not None and self.local_rank == 0:
            patch_size = self.configuration_manager.patch_size
            plans = plans_for_prediction(self.plans_manager.plans, self.configuration_name, patch_size)
            write_json(Path(self.output_folder_base) / "plans.json", plans)

    def perform_actual_validation(self, save_probabilities: bool = False) -> None:
        """Predict the validation cases as nnU-Net does, in tiles."""
        with self.with_tiles():
            super().perform_actual_validation(save_probabilities)

    @contextlib.contextmanager
    def with_tiles(self) -> Iterator[None]:
        """Have the tiles as patch size for a while."""
        kept = self.configuration_manager
        if self.settings.tile_size is not None:
            changes = {"patch_size": list(self.settings.tile_size)}
            self.configuration_manager = ConfigurationManager({**kept.configuration, **changes})
        try:
            yield
        finally:
            self.configuration_manager = kept
