"""The number of epochs of a training with early stopping or a time budget, and the matching learning rate."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, field
from typing import Any

from torch.optim import Optimizer

from nnunet_cscn.settings.stop import StopSettings

EXPONENT = 0.9  # of nnU-Net's own schedule
FEWEST_EPOCHS = 20  # epochs are shortened until this number fits, because the rate only changes between epochs
RECENT_EPOCHS = 5  # the pace is their median, because other programs may slow some epochs down
WARM_UP_STEPS, PACE_STEPS = 5, 20
VALIDATION_SHARE = 1 / 3  # assumed time of a validation step, as a fraction of a training step


@dataclass
class EpochBudget:
    """The number of epochs and the progress of a training.

    Attributes:
        settings: Early stopping and the time budget.
        planned_epochs: Largest number of epochs.
        num_epochs: Present estimate of the number of epochs.
        progress: Progress of the learning rate, from 0 to 1. It never decreases.
        seconds: Time of all finished epochs.
        durations: Time of the last few epochs, in seconds.
        best: Best score so far.
        best_epoch: Number of finished epochs at the best score.
        ends_at: Number of epochs after early stopping; None before.
    """

    settings: StopSettings
    planned_epochs: int
    num_epochs: int = field(init=False)
    progress: float = 0.0
    seconds: float = 0.0
    durations: list[float] = field(default_factory=list)
    best: float = -math.inf
    best_epoch: int = 0
    ends_at: int | None = None

    def __post_init__(self) -> None:
        self.num_epochs = self.planned_epochs

    def advance(self, epoch: int, *, seconds: float, score: float, pace: float | None = None) -> None:
        """Update the estimate after an epoch.

        Args:
            epoch: Index of the finished epoch, counted from 0.
            seconds: Time of this epoch.
            score: Its score; higher is better.
            pace: Expected time of further epochs; None for ``seconds``.

        Example:
            >>> budget = EpochBudget(StopSettings(minutes=1), planned_epochs=1000)
            >>> budget.advance(0, seconds=15, score=0.1)
            >>> budget.num_epochs, budget.progress
            (4, 0.25)
        """
        done = epoch + 1
        self.seconds += seconds
        self.durations = [*self.durations, seconds if pace is None else pace][-RECENT_EPOCHS:]
        if score > self.best:
            self.best, self.best_epoch = score, done
        patience = self.settings.patience
        if patience is not None and self.ends_at is None and done - self.best_epoch >= patience:
            self.ends_at = done + self.settings.cooldown
        left = self._left(done)
        self.num_epochs = done + left
        self.progress = 1.0 if left == 0 else self.progress + (1 - self.progress) / (left + 1)

    def _left(self, done: int) -> int:
        left = self.planned_epochs - done
        if self.ends_at is not None:
            left = min(left, self.ends_at - done)
        if self.settings.minutes is not None:
            affordable = (60 * self.settings.minutes - self.seconds) / statistics.median(self.durations)
            left = min(left, math.floor(affordable + 1e-9))
        return max(0, left)

    def state(self) -> dict[str, Any]:
        """Return the state for a checkpoint, as plain numbers."""
        names = ("num_epochs", "progress", "seconds", "durations", "best", "best_epoch", "ends_at")
        return {name: getattr(self, name) for name in names}

    def restore(self, state: dict[str, Any]) -> None:
        """Restore what ``state`` returned."""
        for name, value in state.items():
            setattr(self, name, value)


def epoch_share(step_seconds: float, *, minutes: float, iterations: int, validation_iterations: int) -> float:
    """Return the fraction of an epoch's iterations with which enough epochs fit into a time budget, at most 1.

    Args:
        step_seconds: Time of a training step.
        minutes: The time budget.
        iterations: Training iterations per epoch.
        validation_iterations: Validation iterations per epoch.

    Example:
        >>> epoch_share(1.0, minutes=10, iterations=50, validation_iterations=30)
        0.5
        >>> epoch_share(0.1, minutes=60, iterations=250, validation_iterations=50)
        1.0
    """
    epoch_seconds = step_seconds * (iterations + VALIDATION_SHARE * validation_iterations)
    return min(1.0, 60 * minutes / (FEWEST_EPOCHS * epoch_seconds))


class BudgetSchedule:
    """nnU-Net's polynomial learning rate as a function of the progress instead of the epoch.

    Args:
        optimizer: The optimiser.
        initial: Learning rate at the start.
        budget: The budget with the progress.
    """

    def __init__(self, optimizer: Optimizer, *, initial: float, budget: EpochBudget) -> None:
        self._optimizer = optimizer
        self._initial = initial
        self._epoch_budget = budget
        self.step(0)

    def step(self, _epoch: int) -> None:
        """Set the rate; nnU-Net calls this at the start of an epoch."""
        for group in self._optimizer.param_groups:
            group["lr"] = self._initial * (1 - self._epoch_budget.progress) ** EXPONENT
