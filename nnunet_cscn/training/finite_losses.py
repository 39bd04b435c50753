"""Name the cases whose loss is not a number, and stop a training whose weights are no longer numbers."""

from __future__ import annotations

import math
from typing import Any

import torch

from nnunet_cscn.errors import UserError
from nnunet_cscn.nnunet.trainer import nnUNetTrainer
from nnunet_cscn.nnunet.wrapping import unwrapped

MANY = 5  # batches that are named in an epoch


class FiniteLossTrainer(nnUNetTrainer):
    """nnU-Net's trainer. nnU-Net itself goes on with weights that are NaN until the last epoch.

    nnU-Net moves the loss of every step to the CPU, so looking at it there costs no synchronisation. The weights are
    looked at once in an epoch.
    """

    _not_finite: tuple[str, ...] = ()

    def on_train_epoch_start(self) -> None:
        """Start the epoch as nnU-Net does."""
        super().on_train_epoch_start()
        self._not_finite = ()

    def train_step(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Run nnU-Net's training step, and note the cases if the loss is NaN or infinite."""
        step: dict[str, Any] = super().train_step(batch)
        self._note("step", step, batch)
        return step

    def validation_step(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Run nnU-Net's validation step, and note the cases if the loss is NaN or infinite."""
        step: dict[str, Any] = super().validation_step(batch)
        self._note("validation step", step, batch)
        return step

    def _note(self, name: str, step: dict[str, Any], batch: dict[str, Any]) -> None:
        loss = float(step["loss"])
        if math.isfinite(loss):
            return
        found = f"{loss} with {_cases(batch)}"
        self._not_finite += (found,)
        if len(self._not_finite) <= MANY:
            self.print_to_log_file(f"The loss of a {name} is {found}")

    def on_train_epoch_end(self, train_outputs: list[dict[str, Any]]) -> None:
        """End the training part of an epoch as nnU-Net does.

        Raises:
            UserError: If weights, or the means and variances of batch normalisation, are NaN or infinite. They are the
                same in all processes of a training, so all of them stop.
        """
        super().on_train_epoch_end(train_outputs)
        network = unwrapped(self.network)  # after a finite loss too: a gradient can be NaN all the same
        # mixed precision leaves out a step whose gradients overflow, but batch normalisation keeps what it saw
        if all(bool(torch.isfinite(part).all()) for part in (*network.parameters(), *network.buffers())):
            return
        has_loss = math.isfinite(float(self.logger.get_value("train_losses", step=-1)))  # of all processes together
        other = "finite, but a gradient was not" if has_loss else "not finite in another process"
        where = self._not_finite[0] if self._not_finite else other
        raise UserError(
            f"the weights are no longer finite numbers: in epoch {self.current_epoch} the loss was {where}. Correct "
            "the images that are named and preprocess them again; if none is, use a lower initial_learning_rate "
            "(`cscn configure`). Then run the same command again: the last checkpoint is from before this epoch"
        )


def _cases(batch: dict[str, Any]) -> str:
    """Return the cases of a batch; if images have voxels that are not finite, only these."""
    names = [str(name) for name in batch["keys"]]
    odd = [name for name, image in zip(names, batch["data"], strict=True) if not bool(torch.isfinite(image).all())]
    if odd:
        return f"NaN or infinity in the image of {', '.join(dict.fromkeys(odd))}"
    return f"the cases {', '.join(dict.fromkeys(names))}"
