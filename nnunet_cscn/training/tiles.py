"""Predict larger tiles than the blocks on which a network was trained."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from nnunet_cscn.errors import UserError
from nnunet_cscn.files import write_json
from nnunet_cscn.formats.whole_exports import whole_exports
from nnunet_cscn.nnunet.trainer import ConfigurationManager, nnUNetTrainer, trainer_module
from nnunet_cscn.settings.block import Settings
from nnunet_cscn.training.tile_plans import plans_for_prediction


class TilePredictingTrainer(nnUNetTrainer):
    """nnU-Net's trainer, but it validates with tiles of the configured tile size, if there is one."""

    settings: Settings
    configuration_manager: ConfigurationManager

    def on_train_start(self) -> None:
        """Start as nnU-Net does, and write the plans with the tile size to the model folder."""
        super().on_train_start()
        if self.is_ddp:
            torch.distributed.barrier()  # wait until every process has written nnU-Net's plans
        if self.settings.tile_size is not None and self.local_rank == 0:
            patch_size = self.configuration_manager.patch_size
            plans = plans_for_prediction(self.plans_manager.plans, self.configuration_name, patch_size)
            write_json(Path(self.output_folder_base) / "plans.json", plans)

    def perform_actual_validation(self, save_probabilities: bool = False) -> None:
        """Predict the validation cases as nnU-Net does, with the tile size, and write each whole."""
        with self.with_tiles(), whole_exports(trainer_module):
            super().perform_actual_validation(save_probabilities)

    def check_tiles(self) -> None:
        """Check that the network can predict tiles of the configured size.

        Raises:
            UserError: If it cannot. The check runs before the training starts.
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
        """Use the tile size as patch size inside the ``with`` block."""
        kept = self.configuration_manager
        if self.settings.tile_size is not None:
            changes = {"patch_size": list(self.settings.tile_size)}
            self.configuration_manager = ConfigurationManager({**kept.configuration, **changes})
        try:
            yield
        finally:
            self.configuration_manager = kept
