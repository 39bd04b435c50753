"""How many epochs a training has left, and how far its learning rate has fallen."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, field
from typing import Any

from torch.optim import Optimizer

from nnunet_cscn.settings.stop import StopSettings

EXPONENT = 0.9  # of nnU-Net's own schedule
FEWEST_EPOCHS = 20  # epochs are shortened until a budget holds as many: the rate falls between epochs alone
RECENT_EPOCHS = 5  # the pace is their median: others may share the machine for a while
WARM_UP_STEPS, PACE_STEPS = 5, 20
VALIDATION_SHARE = 1 / 3  # of a training step's time that a validation step takes, before one was seen


@dataclass
class Horizon:
    """Where a training stands between its start and its end, which may come nearer.

    Attributes:
        settings: When it ends early.
        planned_epochs: Number of epochs at most.
        num_epochs: Number of epochs as it looks now.
        progress: How far the learning rate has fallen, from 0 to 1. It never goes back.
        seconds: What the finished epochs took.
        durations: What the last few of them took, in seconds.
        best: The best score.
        best_epoch: Number of finished epochs when it was reached.
        ends_at: Number of epochs once patience is at its end; None before.
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
        """Take note of a finished epoch.

        Args:
            epoch: Which, counted from 0.
            seconds: What it took.
            score: What should rise.
            pace: What epochs like it will take; None for what it took.

        Example:
            >>> horizon = Horizon(StopSettings(minutes=1), planned_epochs=1000)
            >>> horizon.advance(0, seconds=15, score=0.1)
            >>> horizon.num_epochs, horizon.progress
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
        """Return what a resumed training needs, as plain numbers."""
        names = ("num_epochs", "progress", "seconds", "durations", "best", "best_epoch", "ends_at")
        return {name: getattr(self, name) for name in names}

    def restore(self, state: dict[str, Any]) -> None:
        """Take what ``state`` returned."""
        for name, value in state.items():
            setattr(self, name, value)


def epoch_share(step_seconds: float, *, minutes: float, iterations: int, validation_iterations: int) -> float:
    """Return the share of an epoch's iterations with which a time budget holds enough epochs, at most 1.

    Args:
        step_seconds: What a training step takes.
        minutes: The budget.
        iterations: Training iterations in an epoch.
        validation_iterations: Validation iterations in an epoch.

    Example:
        >>> epoch_share(1.0, minutes=10, iterations=50, validation_iterations=30)
        0.5
        >>> epoch_share(0.1, minutes=60, iterations=250, validation_iterations=50)
        1.0
    """
    epoch_seconds = step_seconds * (iterations + VALIDATION_SHARE * validation_iterations)
    return min(1.0, 60 * minutes / (FEWEST_EPOCHS * epoch_seconds))


class HorizonSchedule:
    """Sets nnU-Net's polynomial learning rate by the progress of a training, in place of its epoch.

    Args:
        optimizer: Whose rate is set.
        initial: The rate at the start.
        horizon: What knows the progress.
    """

    def __init__(self, optimizer: Optimizer, *, initial: float, horizon: Horizon) -> None:
        self._optimizer = optimizer
        self._initial = initial
        self._horizon = horizon
        self.step(0)

    def step(self, _epoch: int) -> None:
        """Set the rate; nnU-Net calls this at the start of an epoch."""
        for group in self._optimizer.param_groups:
            group["lr"] = self._initial * (1 - self._horizon.progress) ** EXPONENT
