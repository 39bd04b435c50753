"""Write the latest checkpoint by time. nnU-Net writes it every 50 epochs, which can be many hours apart."""

from __future__ import annotations

import time
from pathlib import Path

from nnunet_cscn.nnunet.trainer import nnUNetTrainer
from nnunet_cscn.settings.block import Settings

LATEST = "checkpoint_latest.pth"

clock = time.monotonic


class TimedCheckpointTrainer(nnUNetTrainer):
    """nnU-Net's trainer, which also writes the latest checkpoint if some minutes have passed since it did.

    It looks at the clock at the end of each epoch, because nnU-Net resumes trainings at the start of an epoch. So an
    interruption costs at most the stated minutes and one epoch.
    """

    settings: Settings
    save_every: int
    _saved_at: float

    def on_train_start(self) -> None:
        """Start the clock, then start as nnU-Net does."""
        self._saved_at = clock()
        super().on_train_start()

    def on_epoch_end(self) -> None:
        """End the epoch as nnU-Net does, with a checkpoint if it is time for one."""
        minutes, nnunets_interval = self.settings.checkpoint_minutes, self.save_every
        if minutes is not None and clock() - self._saved_at >= 60 * minutes:
            self.save_every = 1
        try:
            super().on_epoch_end()
        finally:
            self.save_every = nnunets_interval

    def save_checkpoint(self, filename: str) -> None:
        """Write the checkpoint, and remember when the latest one was written."""
        super().save_checkpoint(filename)
        if Path(filename).name == LATEST:
            self._saved_at = clock()
