"""Write the training curves to a CSV file and to TensorBoard event files."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nnunet_cscn.nnunet.trainer import nnUNetTrainer
from nnunet_cscn.protocol.epochs import FILE, EpochFile
from nnunet_cscn.training.interface import Interface
from nnunet_cscn.training.stage_losses import StageLosses

BOARD_FOLDER = "tensorboard"

_TAGS = {
    "learning_rate": "learning rate",
    "training_loss": "loss/training",
    "validation_loss": "loss/validation",
    "training_loss_coarse": "loss of the coarse network/training",
    "validation_loss_coarse": "loss of the coarse network/validation",
    "training_loss_fine": "loss of the fine network/training",
    "validation_loss_fine": "loss of the fine network/validation",
    "dsc": "DSC of patches/mean",
    "dsc_moving_average": "DSC of patches/moving average",
    "seconds": "seconds",
}


class RecordingTrainer(nnUNetTrainer):
    """nnU-Net's trainer, which also writes losses, DSC and learning rate of every epoch to files.

    With several GPUs, the separate losses of both networks are those of the first process.
    """

    def on_train_start(self) -> None:
        """Start as nnU-Net does, and open the files. A resumed training continues them."""
        super().on_train_start()
        folder = Path(self.output_folder)
        self._parts = StageLosses(self.loss)
        self._validation_parts: dict[str, float] = {}
        if self.local_rank == 0:
            self._epochs = EpochFile(folder / FILE, first_epoch=self.current_epoch)
            self._board = self._opened_board(folder / BOARD_FOLDER)

    def on_train_epoch_end(self, train_outputs: list[dict[str, Any]]) -> None:
        """End the training part of an epoch as nnU-Net does, and collect the losses of both networks."""
        super().on_train_epoch_end(train_outputs)
        self._training_parts = self._parts.pop_losses()

    def on_validation_epoch_end(self, val_outputs: list[dict[str, Any]]) -> None:
        """End the validation part of an epoch as nnU-Net does, and collect the losses of both networks."""
        super().on_validation_epoch_end(val_outputs)
        self._validation_parts = self._parts.pop_losses()

    def on_epoch_end(self) -> None:
        """Write the epoch to the files, then end it as nnU-Net does."""
        if self.local_rank == 0:
            row = self._row()
            self._epochs.append(row)
            if self._board is not None:
                self._write_board(row)
        super().on_epoch_end()

    def on_train_end(self) -> None:
        """End the training as nnU-Net does, and close the files."""
        super().on_train_end()
        if self.local_rank == 0 and self._board is not None:
            self._board.close()

    def _row(self) -> dict[str, float]:
        last = {key: self.logger.get_value(key, step=-1) for key in ("lrs", "train_losses", "val_losses")}
        started = float(self.logger.get_value("epoch_start_timestamps", step=-1))
        return {
            "epoch": self.current_epoch,
            "learning_rate": float(last["lrs"]),
            "training_loss": float(last["train_losses"]),
            "validation_loss": float(last["val_losses"]),
            **{f"training_loss_{name}": value for name, value in self._training_parts.items()},
            **{f"validation_loss_{name}": value for name, value in self._validation_parts.items()},
            "dsc": float(self.logger.get_value("mean_fg_dice", step=-1)),
            "dsc_moving_average": float(self.logger.get_value("ema_fg_dice", step=-1)),
            "seconds": time.time() - started,
        }

    def _write_board(self, row: Mapping[str, float]) -> None:
        for key, tag in _TAGS.items():
            if key in row:
                self._board.add_scalar(tag, row[key], self.current_epoch)
        interface = Interface.of(self.plans_manager, self.configuration_name, self.dataset_json)
        names = interface.labels if interface.are_regions else interface.labels[1:]  # nnU-Net leaves out the background
        for name, value in zip(names, self.logger.get_value("dice_per_class_or_region", step=-1), strict=True):
            self._board.add_scalar(f"DSC of patches/{name}", float(value), self.current_epoch)
        self._board.flush()

    def _opened_board(self, folder: Path) -> Any:
        """Return TensorBoard's writer; None if TensorBoard, an optional package, is not installed."""
        if importlib.util.find_spec("tensorboard") is None:
            return None
        try:
            from torch.utils.tensorboard import SummaryWriter
        except Exception as fault:  # whatever is wrong with it must not end a training
            self.print_to_log_file(f"No event files are written: TensorBoard cannot be imported ({fault})")
            return None
        return SummaryWriter(str(folder), purge_step=self.current_epoch)
