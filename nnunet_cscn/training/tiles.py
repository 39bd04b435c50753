"""Predict larger tiles than the blocks that a network was trained on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from nnunet_cscn.errors import UserError
from nnunet_cscn.files import write_json
from nnunet_cscn.nnunet.trainer import ConfigurationManager, nnUNetTrainer
from nnunet_cscn.settings.block import Settings
from nnunet_cscn.training.tile_plans import plans_for_prediction


class TilePredictingTrainer(nnUNetTrainer):
    """nnU-Net's trainer, which trains on blocks and validates with tiles, where the options name a tile size."""

    settings: Settings
    configuration_manager: ConfigurationManager

    def on_train_start(self) -> None:
        """Do what nnU-Net does; then give the model the plans that it predicts with."""
        super().on_train_start()
        if self.is_ddp:
            torch.distributed.barrier()  # every process has written nnU-Net's plans by now
        if self.settings.tile_size is not None and self.local_rank == 0:
            patch_size = self.configuration_manager.patch_size
            plans = plans_for_prediction(self.plans_manager.plans, self.configuration_name, patch_size)
            write_json(Path(self.output_folder_base) / "plans.json", plans)

    def perform_actual_validation(self, save_probabilities: bool = False) -> None:
        """Predict the validation cases as nnU-Net does, in tiles."""
        with self.with_tiles():
            super().perform_actual_validation(save_probabilities)

    def check_tiles(self) -> None:
        """See that the network can take the tiles.

        Raises:
            UserError: When it can't: seen here, and not after a training of days.
        """
        tile_size, plan = self.settings.tile_size, self.configuration_manager
        if tile_size is None:
            return
        strides = np.prod(np.vstack(plan.pool_op_kernel_sizes), axis=0)
        if len(tile_size) != len(strides) or any(edge % step for edge, step in zip(tile_size, strides, strict=True)):
            raise UserError(
                f"tile_size of {self.configuration_name}: expected {len(strides)} numbers divisible by "
                f"{', '.join(map(str, strides))}, got {list(tile_size)}"
            )

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
