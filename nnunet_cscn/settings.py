"""All options of the method, read from the ``cscn`` block of a configuration in nnU-Net's plans.

Stock nnU-Net commands take no options of ours, and a trainer's name must never change. So the options live where
nnU-Net keeps everything that defines a model: in the plans. The block is optional, and so is every key in it.
"""

from __future__ import annotations

import dataclasses
import sys
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from nnunet_cscn.errors import UserError

BLOCK = "cscn"
LARGEST_SEED = 2**32 - 1  # numpy's

Edge = Literal["background", "surface"]
FusionMode = Literal["mean", "fine"]


@dataclass(frozen=True)
class LossSettings:
    """How the loss of one stage is put together.

    Attributes:
        gamma: Exponent of the focal factor (1 - p_t)^gamma; 0 switches it off.
        focal_weight: Weight of the distance-weighted focal term.
        dice_weight: Weight of the soft Dice term; the paper has none.
        weighted_mean: Divide the focal sum by the sum of the weights (True) or by the number of voxels (False, as the
            paper's equations read).
        distance_weighting: Use alpha = d + 1 inside a label (Eq. 7); False sets alpha to 1 everywhere.
        distance_cap_mm: Largest distance that counts, in mm; None for no cap.
        edge: Where d is 0. ``background``: at the nearest voxel outside the label, so that d is at least one voxel
            inside. ``surface``: on the label's own outermost voxels.
    """

    gamma: float = 2.0
    focal_weight: float = 1.0
    dice_weight: float = 1.0
    weighted_mean: bool = True
    distance_weighting: bool = True
    distance_cap_mm: float | None = None
    edge: Edge = "background"

    def __post_init__(self) -> None:
        _at_least("loss.gamma", self.gamma, 0.0)
        _at_least("loss.focal_weight", self.focal_weight, 0.0)
        _at_least("loss.dice_weight", self.dice_weight, 0.0)
        if self.focal_weight == self.dice_weight == 0:
            raise UserError(f"{BLOCK}.loss: focal_weight and dice_weight are both 0, which leaves no loss; set one")
        if self.distance_cap_mm is not None:
            _at_least("loss.distance_cap_mm", self.distance_cap_mm, 0.0)


@dataclass(frozen=True)
class FineSettings:
    """The shape of the atrous DenseNet (ACDNet), in relation to the plan's U-Net.

    Attributes:
        width: Channels a stage hands on, as a fraction of the plan's features of that stage.
        growth: Channels a dense layer adds, as a fraction of the plan's features of that stage.
        dense_layers: Dense layers in each block.
        bottleneck: Channels inside a dense layer, in multiples of its growth.
        atrous_rates: Dilations of the parallel convolutions (ASPP) that close each block.
        checkpointing: Recompute the inside of the dense layers in the backward pass: less memory, a little more time.
            Without effect in plans with batch normalisation.
    """

    width: float = 0.5
    growth: float = 0.125
    dense_layers: int = 3
    bottleneck: int = 4
    atrous_rates: tuple[int, ...] = (1, 2, 4)
    checkpointing: bool = True

    def __post_init__(self) -> None:
        _above("fine.width", self.width, 0.0)
        _above("fine.growth", self.growth, 0.0)
        _at_least("fine.dense_layers", self.dense_layers, 1)
        _at_least("fine.bottleneck", self.bottleneck, 1)
        if not self.atrous_rates or min(self.atrous_rates) < 1:
            raise UserError(f"{BLOCK}.fine.atrous_rates: expected one or more rates >= 1, got {self.atrous_rates}")


@dataclass(frozen=True)
class SoftAugmentationSettings:
    """How often each change is made to the stage-one probabilities that stage two learns from.

    Attributes:
        jitter: Probability of another calibration (temperature and bias of the logits).
        blur: Probability of a Gaussian blur.
        dropout: Probability that the foreground fades in one blob.
    """

    jitter: float = 0.4
    blur: float = 0.2
    dropout: float = 0.2

    def __post_init__(self) -> None:
        for name in ("jitter", "blur", "dropout"):
            if not 0 <= (value := getattr(self, name)) <= 1:
                raise UserError(f"{BLOCK}.staged.augmentation.{name}: expected a probability, got {value:g}")


@dataclass(frozen=True)
class StagedSettings:
    """What the staged cascade builds on.

    Attributes:
        stage_one: The trainer whose out-of-fold probabilities stage two learns from, of the same plans.
        configuration: Its configuration, preprocessed as stage two's; None for stage two's own.
        checkpoint: Which of its checkpoints.
        augmentation: What happens to the probabilities in training.
    """

    stage_one: str = "BUNetTrainer"
    configuration: str | None = None
    checkpoint: str = "checkpoint_final.pth"
    augmentation: SoftAugmentationSettings = field(default_factory=SoftAugmentationSettings)

    def __post_init__(self) -> None:
        if not self.stage_one.isidentifier():
            raise UserError(f"{BLOCK}.staged.stage_one: expected a trainer's name, got {self.stage_one!r}")
        if not self.checkpoint.endswith(".pth") or "/" in self.checkpoint:
            raise UserError(f"{BLOCK}.staged.checkpoint: expected a name such as checkpoint_best.pth")


@dataclass(frozen=True)
class Settings:
    """Everything the ``cscn`` block can set, with its defaults.

    Attributes:
        loss: The loss of each stage.
        fine: The second network.
        staged: Where the staged cascade takes its first stage from.
        coarse_weight: Weight of the first network's loss in a joint training.
        fine_weight: Weight of the second network's loss.
        fusion: ``mean``: the mean of both networks' probabilities, as in the paper; ``fine``: the second one's alone.
        epochs: Number of epochs; None for the trainer's own.
        iterations_per_epoch: Training iterations in an epoch; None for nnU-Net's 250.
        validation_iterations_per_epoch: Validation iterations in an epoch; None for nnU-Net's 50.
        initial_learning_rate: None for nnU-Net's 1e-2.
        seed: Seed of weights, batches and augmentation; None for nnU-Net's own behaviour, which sets none. Batches and
            augmentation follow it where nnUNet_n_proc_DA=0; nnU-Net's worker processes draw seeds of their own.

    Example:
        >>> Settings.from_block({"loss": {"gamma": 1}, "epochs": 50}).loss.gamma
        1.0
        >>> Settings.from_block({"los": {}})
        Traceback (most recent call last):
        ...
        nnunet_cscn.errors.UserError: cscn.los: no such option; there are loss, fine, staged, coarse_weight, \
fine_weight, fusion, epochs, iterations_per_epoch, validation_iterations_per_epoch, initial_learning_rate, seed
    """

    loss: LossSettings = field(default_factory=LossSettings)
    fine: FineSettings = field(default_factory=FineSettings)
    staged: StagedSettings = field(default_factory=StagedSettings)
    coarse_weight: float = 0.5
    fine_weight: float = 1.0
    fusion: FusionMode = "mean"
    epochs: int | None = None
    iterations_per_epoch: int | None = None
    validation_iterations_per_epoch: int | None = None
    initial_learning_rate: float | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        _above("coarse_weight", self.coarse_weight, 0.0)
        _above("fine_weight", self.fine_weight, 0.0)
        for name in ("epochs", "iterations_per_epoch", "validation_iterations_per_epoch"):
            if (value := getattr(self, name)) is not None:
                _at_least(name, value, 1)
        if self.initial_learning_rate is not None:
            _above("initial_learning_rate", self.initial_learning_rate, 0.0)
        if self.seed is not None and not 0 <= self.seed <= LARGEST_SEED:
            raise UserError(f"{BLOCK}.seed: expected a value from 0 to {LARGEST_SEED}, got {self.seed}")

    @classmethod
    def from_block(cls, block: Mapping[str, Any] | None) -> Settings:
        """Read a ``cscn`` block as it stands in the plans.

        Args:
            block: The block, nested as the settings are; None or empty for the defaults.

        Raises:
            UserError: For an option that does not exist or a value of the wrong kind or range.
        """
        return _read(cls, BLOCK, {} if block is None else block)

    @classmethod
    def from_configuration(cls, configuration: Mapping[str, Any]) -> Settings:
        """Read the block out of a configuration whose inheritance nnU-Net has resolved."""
        return cls.from_block(configuration.get(BLOCK))

    @property
    def uses_distance(self) -> bool:
        """Whether training needs distance maps at all."""
        return self.loss.distance_weighting and self.loss.focal_weight > 0


_Dataclass = TypeVar("_Dataclass")


def _read(kind: type[_Dataclass], path: str, block: Any) -> _Dataclass:
    if not isinstance(block, Mapping):
        raise UserError(f"{path}: expected a block of options, got {block!r}")
    hints = get_type_hints(kind)
    names = [f.name for f in dataclasses.fields(kind)]  # type: ignore[arg-type]
    for key in block:
        if key not in names:
            raise UserError(f"{path}.{key}: no such option; there are {', '.join(names)}")
    return kind(**{key: _convert(hints[key], f"{path}.{key}", value) for key, value in block.items()})


def _convert(kind: Any, path: str, value: Any) -> Any:
    """Check ``value`` against a type of this module's dataclasses and return it in that type."""
    if dataclasses.is_dataclass(kind):
        return _read(kind, path, value)  # type: ignore[arg-type]
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        inner = next(k for k in get_args(kind) if k is not type(None))
        return None if value is None else _convert(inner, path, value)
    if origin is Literal:
        if value not in get_args(kind):
            raise UserError(f"{path}: expected one of {', '.join(get_args(kind))}, got {value!r}")
        return value
    if origin is tuple:
        if not isinstance(value, (list, tuple)):
            raise UserError(f"{path}: expected a list, got {value!r}")
        return tuple(_convert(get_args(kind)[0], path, item) for item in value)
    return _convert_scalar(kind, path, value)


def _convert_scalar(kind: type, path: str, value: Any) -> Any:
    if kind is bool:
        if not isinstance(value, bool):
            raise UserError(f"{path}: expected true or false, got {value!r}")
        return value
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
    if kind is int:
        if not is_number or int(value) != value:
            raise UserError(f"{path}: expected a whole number, got {value!r}")
        return int(value)
    if kind is str:
        if not isinstance(value, str):
            raise UserError(f"{path}: expected text, got {value!r}")
        return value
    if not is_number:
        raise UserError(f"{path}: expected a number, got {value!r}")
    return float(value)


def _at_least(name: str, value: float, bound: float) -> None:
    if value < bound:
        raise UserError(f"{BLOCK}.{name}: expected a value of at least {bound:g}, got {value:g}")


def _above(name: str, value: float, bound: float) -> None:
    if value <= bound:
        raise UserError(f"{BLOCK}.{name}: expected a value above {bound:g}, got {value:g}")
