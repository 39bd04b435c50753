"""The options for early stopping and a time budget."""

from __future__ import annotations

from dataclasses import dataclass

from nnunet_cscn.settings.checks import check_above, check_at_least


@dataclass(frozen=True)
class StopSettings:
    """Early stopping and the time budget of a training. The learning rate falls to 0 before the training ends.

    Attributes:
        patience: Number of epochs without a new best moving average of nnU-Net's pseudo Dice before the training stops;
            None for no early stopping.
        cooldown: Number of further epochs in which the learning rate then falls to 0.
        minutes: Time budget of all epochs, including those before an interruption; None for no limit. It does not
            include the validation of whole cases after the training.
    """

    patience: int | None = None
    cooldown: int = 10
    minutes: float | None = None

    def __post_init__(self) -> None:
        if self.patience is not None:
            check_at_least("stop.patience", self.patience, 1)
        check_at_least("stop.cooldown", self.cooldown, 1)
        if self.minutes is not None:
            check_above("stop.minutes", self.minutes, 0.0)

    @property
    def is_set(self) -> bool:
        """Whether a training may end before its number of epochs."""
        return self.patience is not None or self.minutes is not None
