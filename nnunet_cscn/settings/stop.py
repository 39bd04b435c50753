"""The options that end a training early."""

from __future__ import annotations

from dataclasses import dataclass

from nnunet_cscn.settings.checks import check_above, check_at_least


@dataclass(frozen=True)
class StopSettings:
    """When a training ends before its number of epochs; its learning rate has fallen to 0 by then in any case.

    Attributes:
        patience: Epochs without a new best moving average of nnU-Net's pseudo Dice, after which the training comes to
            its end; None for no such limit.
        cooldown: Epochs in which the learning rate then falls to 0.
        minutes: Time that all epochs together may take, those before an interruption too; None for no limit. The
            validation of whole cases comes on top.
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
