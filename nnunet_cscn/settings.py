"""All options of the method, read from the ``cscn`` block of a configuration in nnU-Net's plans.

Stock nnU-Net commands take no options of ours, and a trainer's name must never change. So the options live where
nnU-Net keeps everything that defines a model: in the plans. The block is optional, and so is every key in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from nnunet_cscn.errors import UserError
from nnunet_cscn.options import read_options

BLOCK = "cscn"
LARGEST_SEED = 2**32 - 1  # numpy's

Edge = Literal["background", "surface"]
FusionMode = Literal["mean", "fine"]
Resolution = Literal["pooled", "full"]
Stem = Literal["mean", "learned"]
FineNorm = Literal["batch", "plan"]
Activation = Literal["before", "after"]
Skips = Literal["concatenate", "reduce", "add"]


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
        normalised: Divide alpha inside each label of a case by its mean there, so that a label's share of the loss is
            its share of the voxels. False: Eq. 7 as printed, which weighs a large tumour ten times as much as its
            surroundings and so marks too much.
        edge: Where d is 0. ``background``: at the nearest voxel outside the label, so that d is at least one voxel
            inside. ``surface``: on the label's own outermost voxels.
    """

    gamma: float = 2.0
    focal_weight: float = 1.0
    dice_weight: float = 1.0
    weighted_mean: bool = True
    distance_weighting: bool = True
    distance_cap_mm: float | None = None
    normalised: bool = True
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
class CoarseSettings:
    """How much of the window the coarse network sees, and how sharply.

    Attributes:
        resolution: ``pooled``: the whole window, averaged over a few voxels, while the fine network works on blocks at
            full resolution. ``full``: both networks at full resolution on the same patch, as in the paper.
        pooling: Voxels per axis that become one; None for the first real stride of the plan.
        stem: How they become one. ``mean``: their mean. ``learned``: a convolution of that stride.
    """

    resolution: Resolution = "pooled"
    pooling: tuple[int, ...] | None = None
    stem: Stem = "mean"

    def __post_init__(self) -> None:
        if self.pooling is not None and (len(self.pooling) not in (2, 3) or min(self.pooling) < 1):
            raise UserError(
                f"{BLOCK}.coarse.pooling: expected one positive number for each axis, got {list(self.pooling)}"
            )


@dataclass(frozen=True)
class FineSettings:
    """The shape of the atrous DenseNet (ACDNet), in relation to the plan's U-Net, and the blocks that it works on.

    Attributes:
        width: Channels a stage hands on, as a fraction of the plan's features of that stage.
        growth: Channels a dense layer adds, as a fraction of the plan's features of that stage.
        dense_layers: Dense layers in each block.
        bottleneck: Channels inside a dense layer, in multiples of its growth; 0 for a layer without 1x1x1 convolution,
            whose only convolution reads all features before it.
        atrous_rates: Dilations of the parallel convolutions (ASPP) that close each block.
        pyramid_width: Channels that these read, in multiples of the growth, after a 1x1x1 convolution; None for all
            features of the block, which is where most of a training step goes.
        activation: Where normalisation and activation stand in a block. ``before`` each convolution, as in DenseNet;
            ``after`` it, as in U-Net: they then act on new channels alone, not again on all that are there.
        skips: How the decoder joins what it upsamples and the encoder's features. ``concatenate``; ``reduce``: so, and
            back to the stage's channels by 1x1x1 before the views; ``add``: least time and memory.
        checkpointing: Recompute the inside of the dense layers in the backward pass: less memory, a little more time.
            Without effect in plans with batch normalisation.
        stages: Stages of the plan that a network on blocks has, at most.
        norm: Normalisation of a network on blocks. ``batch``: keeps how bright a block is beside the others. ``plan``:
            the plan's, which is nnU-Net's instance normalisation and takes that away.
        block_size: Voxels per axis of a block; None for one that fits the fine network's strides.
        blocks_per_sample: Blocks that each training sample gives.
        random_share: Share of them that lie anywhere in the window; the others lie where the coarse network is unsure.
        threshold: A block is refined in prediction where the coarse foreground exceeds this probability; 0 for all.
        overlap: Share of a block's edge that the next one covers too, in prediction.
        sees_features: Hand the coarse network's last features to the fine one, besides its probabilities.
        corrects: Add the fine network's output to the coarse network's logits instead of starting from nothing.
        detached: Keep the fine network's loss from training the coarse one.

    Note:
        The defaults are the form of the first version, so that its weights load. Much faster, with about as many
        weights: growth 0.25, dense_layers 2, bottleneck 0, pyramid_width 1, activation ``after``, skips ``add``. Few
        channels in many small convolutions take longer than their arithmetic says; this form has fewer and wider ones.
    """

    width: float = 0.5
    growth: float = 0.125
    dense_layers: int = 3
    bottleneck: int = 4
    atrous_rates: tuple[int, ...] = (1, 2, 4)
    pyramid_width: float | None = None
    activation: Activation = "before"
    skips: Skips = "concatenate"
    checkpointing: bool = True
    stages: int = 3
    norm: FineNorm = "batch"
    block_size: tuple[int, ...] | None = None
    blocks_per_sample: int = 2
    random_share: float = 0.5
    threshold: float = 0.05
    overlap: float = 0.25
    sees_features: bool = True
    corrects: bool = True
    detached: bool = True

    def __post_init__(self) -> None:
        _above("fine.width", self.width, 0.0)
        _above("fine.growth", self.growth, 0.0)
        _at_least("fine.dense_layers", self.dense_layers, 1)
        _at_least("fine.bottleneck", self.bottleneck, 0)
        if not self.atrous_rates or min(self.atrous_rates) < 1:
            raise UserError(f"{BLOCK}.fine.atrous_rates: expected one or more rates >= 1, got {self.atrous_rates}")
        if self.pyramid_width is not None:
            _above("fine.pyramid_width", self.pyramid_width, 0.0)
        _at_least("fine.stages", self.stages, 1)
        _at_least("fine.blocks_per_sample", self.blocks_per_sample, 1)
        if self.block_size is not None and (len(self.block_size) not in (2, 3) or min(self.block_size) < 1):
            raise UserError(
                f"{BLOCK}.fine.block_size: expected one positive number for each axis, got {list(self.block_size)}"
            )
        for name in ("random_share", "threshold"):
            if not 0 <= (value := getattr(self, name)) <= 1:
                raise UserError(f"{BLOCK}.fine.{name}: expected a number from 0 to 1, got {value:g}")
        if not 0 <= self.overlap < 1:
            raise UserError(f"{BLOCK}.fine.overlap: expected a number from 0 to below 1, got {self.overlap:g}")


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
class ProtocolSettings:
    """The training protocol of the paper, which only its own trainers follow.

    Attributes:
        decay_iterations: Iterations after which the learning rate falls, each time to nine tenths (section 4.2).
        head_height_mm: Height of the part of a volume around its tumour from which blocks are drawn, at least; None for
            the whole volume.
        head_jitter_mm: How far that part is moved up or down at random, at most.
    """

    decay_iterations: int = 500
    head_height_mm: float | None = 103.0
    head_jitter_mm: float = 10.0

    def __post_init__(self) -> None:
        _at_least("protocol.decay_iterations", self.decay_iterations, 1)
        if self.head_height_mm is not None:
            _above("protocol.head_height_mm", self.head_height_mm, 0.0)
        _at_least("protocol.head_jitter_mm", self.head_jitter_mm, 0.0)


@dataclass(frozen=True)
class Settings:
    """Everything the ``cscn`` block can set, with its defaults.

    Attributes:
        loss: The loss of each stage.
        coarse: The first network.
        fine: The second network.
        staged: Where the staged cascade takes its first stage from.
        coarse_weight: Weight of the first network's loss in a joint training.
        fine_weight: Weight of the second network's loss.
        fusion: ``mean``: the mean of both networks' probabilities, as in the paper; ``fine``: the second one's alone
            where it ran; None: ``fine`` for a cascade over two resolutions, ``mean`` for one of a single resolution.
        epochs: Number of epochs; None for the trainer's own.
        iterations_per_epoch: Training iterations in an epoch; None for nnU-Net's 250.
        validation_iterations_per_epoch: Validation iterations in an epoch; None for nnU-Net's 50.
        initial_learning_rate: None for nnU-Net's 1e-2.
        three_views: Draw blocks whose axes are turned: a third of them as planned, a third coronal, a third sagittal.
        block_size: Voxels per axis of the blocks that a network is planned for and trained on, where the plan's
            patch_size is no longer that; None for the plan's.
        tile_size: Voxels per axis of the tiles that a trained network predicts; None for the plan's patch_size.
        protocol: What the paper's own trainers do; None in configurations that are not made for them.
        seed: Seed of weights, batches and augmentation; None for nnU-Net's own behaviour, which sets none. Batches and
            augmentation follow it where nnUNet_n_proc_DA=0; nnU-Net's worker processes draw seeds of their own.

    Example:
        >>> Settings.from_block({"loss": {"gamma": 1}, "epochs": 50}).loss.gamma
        1.0
        >>> Settings.from_block({"los": {}})
        Traceback (most recent call last):
        ...
        nnunet_cscn.errors.UserError: cscn.los: no such option; there are loss, coarse, fine, staged, coarse_weight, \
fine_weight, fusion, epochs, iterations_per_epoch, validation_iterations_per_epoch, initial_learning_rate, \
three_views, block_size, tile_size, protocol, seed
    """

    loss: LossSettings = field(default_factory=LossSettings)
    coarse: CoarseSettings = field(default_factory=CoarseSettings)
    fine: FineSettings = field(default_factory=FineSettings)
    staged: StagedSettings = field(default_factory=StagedSettings)
    coarse_weight: float = 0.5
    fine_weight: float = 1.0
    fusion: FusionMode | None = None
    epochs: int | None = None
    iterations_per_epoch: int | None = None
    validation_iterations_per_epoch: int | None = None
    initial_learning_rate: float | None = None
    three_views: bool = False
    block_size: tuple[int, ...] | None = None
    tile_size: tuple[int, ...] | None = None
    protocol: ProtocolSettings | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        _above("coarse_weight", self.coarse_weight, 0.0)
        _above("fine_weight", self.fine_weight, 0.0)
        for name in ("epochs", "iterations_per_epoch", "validation_iterations_per_epoch"):
            if (value := getattr(self, name)) is not None:
                _at_least(name, value, 1)
        for name in ("block_size", "tile_size"):
            if (edges := getattr(self, name)) is not None and (len(edges) not in (2, 3) or min(edges) < 1):
                raise UserError(f"{BLOCK}.{name}: expected one positive number for each axis, got {list(edges)}")
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
        return read_options(cls, BLOCK, {} if block is None else block)

    @classmethod
    def from_configuration(cls, configuration: Mapping[str, Any]) -> Settings:
        """Read the block out of a configuration whose inheritance nnU-Net has resolved."""
        return cls.from_block(configuration.get(BLOCK))

    @property
    def uses_distance(self) -> bool:
        """Whether training needs distance maps at all."""
        return self.loss.distance_weighting and self.loss.focal_weight > 0


def _at_least(name: str, value: float, bound: float) -> None:
    if value < bound:
        raise UserError(f"{BLOCK}.{name}: expected a value of at least {bound:g}, got {value:g}")


def _above(name: str, value: float, bound: float) -> None:
    if value <= bound:
        raise UserError(f"{BLOCK}.{name}: expected a value above {bound:g}, got {value:g}")
