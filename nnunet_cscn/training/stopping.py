"""Early stopping and a time budget for trainings. The learning rate falls to 0 before a training ends."""

from __future__ import annotations

import statistics
import time
from typing import Any

import torch

from nnunet_cscn.nnunet.checkpoints import RECORD
from nnunet_cscn.nnunet.trainer import nnUNetTrainer
from nnunet_cscn.protocol.epoch_budget import PACE_STEPS, WARM_UP_STEPS, BudgetSchedule, EpochBudget, epoch_share
from nnunet_cscn.settings.block import Settings
from nnunet_cscn.texts import counted

clock = time.monotonic


class StoppingTrainer(nnUNetTrainer):
    """nnU-Net's trainer with early stopping and a time budget, if the options set them."""

    settings: Settings
    num_epochs: int
    num_iterations_per_epoch: int
    num_val_iterations_per_epoch: int
    my_init_kwargs: dict[str, Any]
    _is_warm = False  # whether an epoch was trained in this process
    _counted_until: float | None = None  # time on the clock up to which the budget is spent
    _is_announced = False  # whether the number of epochs was written into the log of this process

    @property
    def epoch_budget(self) -> EpochBudget:
        """The number of epochs and the progress of this training. Created on first use, from the trainer's epochs."""
        if not hasattr(self, "_epoch_budget"):
            self._epoch_budget = EpochBudget(self.settings.stop, self.num_epochs)
        return self._epoch_budget

    def configure_optimizers(self) -> tuple[Any, Any]:
        """Return nnU-Net's optimiser and its schedule. With a stop option, the schedule follows the budget."""
        optimizer, schedule = super().configure_optimizers()
        if self.settings.stop.is_set:
            schedule = BudgetSchedule(optimizer, initial=self.initial_lr, budget=self.epoch_budget)
        return optimizer, schedule

    def run_training(self) -> None:
        """Train as nnU-Net does. With a stop option, the number of epochs may change between epochs."""
        if not self.settings.stop.is_set:
            super().run_training()
            return
        self.on_train_start()
        while self.current_epoch < self.num_epochs:
            self.on_epoch_start()
            self._train()
            self._validate()
            self.on_epoch_end()
        self.on_train_end()

    def on_epoch_start(self) -> None:
        """Start the epoch as nnU-Net does, and note the time of the first one."""
        if self._counted_until is None:
            self._counted_until = clock()
        super().on_epoch_start()

    def on_epoch_end(self) -> None:
        """Update the budget, then end the epoch as nnU-Net does. Its checkpoint then contains the updated budget."""
        if self.settings.stop.is_set:
            self._look_ahead()
        super().on_epoch_end()

    def save_checkpoint(self, filename: str) -> None:
        """Write nnU-Net's checkpoint with the state of the budget."""
        if self.settings.stop.is_set:
            state = {**self.epoch_budget.state(), "iterations": [*self._iterations()]}
            self.my_init_kwargs[RECORD] = {**self.my_init_kwargs.get(RECORD, {}), "stop": state}
        super().save_checkpoint(filename)

    def load_checkpoint(self, filename_or_checkpoint: dict[str, Any] | str) -> None:
        """Load nnU-Net's checkpoint and the state of the budget."""
        super().load_checkpoint(filename_or_checkpoint)
        state = dict(self.my_init_kwargs.get(RECORD, {}).get("stop", {}))
        if state and self.settings.stop.is_set:
            self.num_iterations_per_epoch, self.num_val_iterations_per_epoch = state.pop("iterations")
            self.epoch_budget.restore(state)
            self.num_epochs = self.epoch_budget.num_epochs

    def _train(self) -> None:
        self.on_train_epoch_start()
        outputs: list[Any] = []
        durations: list[float] = []
        while len(outputs) < self.num_iterations_per_epoch:
            started = clock()
            outputs.append(self.train_step(next(self.dataloader_train)))
            durations.append(clock() - started)
            if self.current_epoch == 0 and len(durations) == WARM_UP_STEPS + PACE_STEPS:
                self._shorten_epochs(statistics.median(durations[WARM_UP_STEPS:]))
        self._warm_up_seconds = 0.0
        if not self._is_warm:  # compilation and first readings of files are not what further epochs take
            self._warm_up_seconds = sum(durations) - len(durations) * statistics.median(durations)
            self._is_warm = True
        self.on_train_epoch_end(outputs)

    def _validate(self) -> None:
        with torch.no_grad():
            self.on_validation_epoch_start()
            n_steps = self.num_val_iterations_per_epoch
            self.on_validation_epoch_end([self.validation_step(next(self.dataloader_val)) for _ in range(n_steps)])

    def _shorten_epochs(self, step_seconds: float) -> None:
        """Shorten the epochs if, at the pace of the first steps, too few of them fit into the time."""
        minutes = self.settings.stop.minutes
        if minutes is None:
            return
        step_seconds = self._agreed(step_seconds)
        iterations, validation_iterations = self._iterations()
        share = epoch_share(
            step_seconds, minutes=minutes, iterations=iterations, validation_iterations=validation_iterations
        )
        if share < 1:
            self.num_iterations_per_epoch = max(WARM_UP_STEPS + PACE_STEPS, round(share * iterations))
            self.num_val_iterations_per_epoch = max(1, round(share * validation_iterations))
            self.print_to_log_file(
                f"stop.minutes={minutes:g}: a step takes {step_seconds:.3g} s, so an epoch has "
                f"{self.num_iterations_per_epoch} training and {self.num_val_iterations_per_epoch} validation "
                "iterations"
            )

    def _look_ahead(self) -> None:
        score = float(self.logger.get_value("ema_fg_dice", step=-1))
        before = self.epoch_budget.num_epochs
        now, counted_until = clock(), self._counted_until
        assert counted_until is not None
        self._counted_until = now  # what nnU-Net writes at the end of this epoch takes the time of the next one
        seconds = self._agreed(now - counted_until)
        pace = seconds - self._agreed(self._warm_up_seconds)
        self.epoch_budget.advance(self.current_epoch, seconds=seconds, score=score, pace=pace)
        self.num_epochs = self.epoch_budget.num_epochs
        if self.num_epochs != before or (self.settings.stop.minutes is not None and not self._is_announced):
            self._is_announced = True
            self.print_to_log_file(
                f"The training will end after about {counted(self.num_epochs, 'epoch')}; "
                "the learning rate falls to 0 by then"
            )

    def _agreed(self, seconds: float) -> float:
        """Return the value of the first process. All processes must train the same number of epochs."""
        if not self.is_ddp:
            return seconds
        values = [seconds]
        torch.distributed.broadcast_object_list(values, src=0)
        return values[0]

    def _iterations(self) -> tuple[int, int]:
        return self.num_iterations_per_epoch, self.num_val_iterations_per_epoch
