"""Write checkpoints whole, read none that runs code, and keep a record of the training in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nnunet_cscn.files import replacing
from nnunet_cscn.nnunet.checkpoints import RECORD, read_checkpoint
from nnunet_cscn.nnunet.trainer import nnUNetTrainer


class SafeCheckpointTrainer(nnUNetTrainer):
    """nnU-Net's trainer with safe checkpoints."""

    my_init_kwargs: dict[str, Any]

    def add_to_record(self, **entries: Any) -> None:
        """Add entries to the record in all later checkpoints."""
        self.my_init_kwargs[RECORD] = {**self.my_init_kwargs.get(RECORD, {}), **entries}

    def save_checkpoint(self, filename: str) -> None:
        """Write nnU-Net's checkpoint. An interruption leaves no partial file."""
        if self.local_rank == 0 and not self.disable_checkpointing:
            with replacing(Path(filename)) as temporary:
                super().save_checkpoint(str(temporary))

    def load_checkpoint(self, filename_or_checkpoint: dict[str, Any] | str) -> None:
        """Load nnU-Net's checkpoint, once it is sure that it runs nothing; nnU-Net would not look."""
        if isinstance(filename_or_checkpoint, str):
            read_checkpoint(Path(filename_or_checkpoint))
        super().load_checkpoint(filename_or_checkpoint)
