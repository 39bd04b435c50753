"""All settings of the method, read from the ``cscn`` block of a configuration in nnU-Net's plans.

The commands of stock nnU-Net accept no additional options, and trainer names must not change. So the settings are
stored in the plans, together with everything else that defines a model. The block and all its keys are optional.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from nnunet_cscn.errors import UserError
from nnunet_cscn.options import read_options
from nnunet_cscn.settings.checks import BLOCK, check_above, check_at_least, check_sizes
from nnunet_cscn.settings.coarse import CoarseSettings
from nnunet_cscn.settings.fine import FineSettings
from nnunet_cscn.settings.loss import LossSettings
from nnunet_cscn.settings.protocol import ProtocolSettings
from nnunet_cscn.settings.staged import StagedSettings
from nnunet_cscn.settings.stop import StopSettings

LARGEST_SEED = 2**32 - 1  # of numpy

FusionMode = Literal["mean", "fine"]


@dataclass(frozen=True)
class Settings:
    """All settings of the ``cscn`` block, with their defaults.

    Attributes:
        loss: Loss of each stage.
        coarse: The coarse network.
        fine: The fine network.
        staged: Stage one of the staged cascade.
        coarse_weight: Weight of the coarse network's loss in a joint training. None: 1 if the cascade has two
            resolutions, 0.5 if it has one.
        fine_weight: Weight of the fine network's loss.
        fusion: ``mean``: mean of the probabilities of both networks, as in the paper. ``fine``: only those of the fine
            network, where it ran. None: ``fine`` if the cascade has two resolutions, ``mean`` if it has one.
        epochs: Number of epochs; None for the trainer's default.
        iterations_per_epoch: Training iterations per epoch; None for nnU-Net's 250.
        validation_iterations_per_epoch: Validation iterations per epoch; None for nnU-Net's 50.
        initial_learning_rate: Learning rate at the start; None for nnU-Net's 1e-2.
        checkpoint_minutes: Minutes after which the latest checkpoint is written again, at the end of an epoch; None for
            nnU-Net's interval of 50 epochs alone.
        stop: Early stopping and the time budget of a training.
        three_views: Train on axial, coronal and sagittal views, a third of the blocks each.
        block_size: Patch size used in training, in voxels per axis. It is set automatically together with
            ``tile_size``, when the plan's patch_size becomes the tile size. None for the plan's patch_size.
        tile_size: Size of the sliding-window tile in prediction, in voxels per axis; None for the plan's patch_size.
        protocol: Settings of the paper's trainers; None in all other configurations.
        seed: Seed of the weights, batches and augmentation; None for no seed, as in nnU-Net. Batches and augmentation
            depend on it only with nnUNet_n_proc_DA=0, because nnU-Net's worker processes choose their own seeds.

    Example:
        >>> Settings.from_block({"loss": {"gamma": 1}, "epochs": 50}).loss.gamma
        1.0
        >>> Settings.from_block({"los": {}})
        Traceback (most recent call last):
        ...
        nnunet_cscn.errors.UserError: cscn.los: unknown option; available: loss, coarse, fine, staged, coarse_weight, \
fine_weight, fusion, epochs, iterations_per_epoch, validation_iterations_per_epoch, initial_learning_rate, \
checkpoint_minutes, stop, three_views, block_size, tile_size, protocol, seed
    """

    loss: LossSettings = field(default_factory=LossSettings)
    coarse: CoarseSettings = field(default_factory=CoarseSettings)
    fine: FineSettings = field(default_factory=FineSettings)
    staged: StagedSettings = field(default_factory=StagedSettings)
    coarse_weight: float | None = None
    fine_weight: float = 1.0
    fusion: FusionMode | None = None
    epochs: int | None = None
    iterations_per_epoch: int | None = None
    validation_iterations_per_epoch: int | None = None
    initial_learning_rate: float | None = None
    checkpoint_minutes: float | None = 10.0
    stop: StopSettings = field(default_factory=StopSettings)
    three_views: bool = False
    block_size: tuple[int, ...] | None = None
    tile_size: tuple[int, ...] | None = None
    protocol: ProtocolSettings | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        if self.coarse_weight is not None:
            check_above("coarse_weight", self.coarse_weight, 0.0)
        check_above("fine_weight", self.fine_weight, 0.0)
        for name in ("epochs", "iterations_per_epoch", "validation_iterations_per_epoch"):
            if (value := getattr(self, name)) is not None:
                check_at_least(name, value, 1)
        check_sizes("block_size", self.block_size)
        check_sizes("tile_size", self.tile_size)
        if self.initial_learning_rate is not None:
            check_above("initial_learning_rate", self.initial_learning_rate, 0.0)
        if self.checkpoint_minutes is not None:
            check_above("checkpoint_minutes", self.checkpoint_minutes, 0.0)
        if self.seed is not None and not 0 <= self.seed <= LARGEST_SEED:
            raise UserError(f"{BLOCK}.seed: expected a value from 0 to {LARGEST_SEED}, got {self.seed}")

    @classmethod
    def from_block(cls, block: Mapping[str, Any] | None) -> Settings:
        """Read a ``cscn`` block from the plans.

        Args:
            block: The block, with nested blocks as in the settings; None or empty for the defaults.

        Raises:
            UserError: If an option is unknown, or a value has the wrong type or range.
        """
        return read_options(cls, BLOCK, {} if block is None else block)

    @classmethod
    def from_configuration(cls, configuration: Mapping[str, Any]) -> Settings:
        """Read the block from a configuration in which inheritance is already resolved."""
        return cls.from_block(configuration.get(BLOCK))

    @property
    def fine_loss(self) -> LossSettings:
        """Settings of the loss of the fine network in a cascade."""
        return self.loss if self.fine.loss == "same" else replace(self.loss, gamma=0.0, distance_weighting=False)
