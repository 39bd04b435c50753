"""The settings of the staged cascade."""

from __future__ import annotations

from dataclasses import dataclass, field

from nnunet_cscn.errors import UserError
from nnunet_cscn.settings.checks import BLOCK


@dataclass(frozen=True)
class SoftAugmentationSettings:
    """How often the stage-one probabilities are augmented in training.

    Attributes:
        jitter: Probability of a change of calibration (temperature and bias of the logits).
        blur: Probability of a Gaussian blur.
        dropout: Probability that the foreground is reduced in one blob.
    """

    jitter: float = 0.4
    blur: float = 0.2
    dropout: float = 0.2

    def __post_init__(self) -> None:
        for name in ("jitter", "blur", "dropout"):
            if not 0 <= (value := getattr(self, name)) <= 1:
                raise UserError(
                    f"{BLOCK}.staged.augmentation.{name}: expected a probability from 0 to 1, got {value:g}"
                )


@dataclass(frozen=True)
class StagedSettings:
    """The stage one of the staged cascade.

    Attributes:
        stage_one: Name of the stage-one trainer. It uses the same plans as stage two.
        configuration: Configuration of stage one; None for that of stage two.
        checkpoint: File name of the stage-one checkpoints.
        augmentation: Augmentation of the stage-one probabilities in training.
    """

    stage_one: str = "BUNetTrainer"
    configuration: str | None = None
    checkpoint: str = "checkpoint_final.pth"
    augmentation: SoftAugmentationSettings = field(default_factory=SoftAugmentationSettings)

    def __post_init__(self) -> None:
        if not self.stage_one.isidentifier():
            raise UserError(f"{BLOCK}.staged.stage_one: expected a trainer's name, got {self.stage_one!r}")
        if not self.checkpoint.endswith(".pth") or "/" in self.checkpoint:
            raise UserError(f"{BLOCK}.staged.checkpoint: expected a file name such as checkpoint_best.pth")
