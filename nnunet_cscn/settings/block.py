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
from nnunet_cscn.settings.checks import BLOCK, above, at_least, edges
from nnunet_cscn.settings.coarse import CoarseSettings
from nnunet_cscn.settings.fine import FineSettings
from nnunet_cscn.settings.loss import LossSettings
from nnunet_cscn.settings.protocol import ProtocolSettings
from nnunet_cscn.settings.staged import StagedSettings
from nnunet_cscn.settings.stop import StopSettings

LARGEST_SEED = 2**32 - 1  # numpy's

FusionMode = Literal["mean", "fine"]


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
        stop: When a training ends before its number of epochs.
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
        nnunet_cscn.errors.UserError: cscn.los: unknown option; available: loss, coarse, fine, staged, coarse_weight, \
fine_weight, fusion, epochs, iterations_per_epoch, validation_iterations_per_epoch, initial_learning_rate, \
stop, three_views, block_size, tile_size, protocol, seed
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
    stop: StopSettings = field(default_factory=StopSettings)
    three_views: bool = False
    block_size: tuple[int, ...] | None = None
    tile_size: tuple[int, ...] | None = None
    protocol: ProtocolSettings | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        above("coarse_weight", self.coarse_weight, 0.0)
        above("fine_weight", self.fine_weight, 0.0)
        for name in ("epochs", "iterations_per_epoch", "validation_iterations_per_epoch"):
            if (value := getattr(self, name)) is not None:
                at_least(name, value, 1)
        edges("block_size", self.block_size)
        edges("tile_size", self.tile_size)
        if self.initial_learning_rate is not None:
            above("initial_learning_rate", self.initial_learning_rate, 0.0)
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
