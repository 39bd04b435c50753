"""The settings of the fine network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nnunet_cscn.errors import UserError
from nnunet_cscn.settings.checks import BLOCK, check_above, check_at_least, check_fraction, check_sizes

FineNorm = Literal["plan", "batch"]
Activation = Literal["before", "after"]
Skips = Literal["concatenate", "reduce", "add"]
FineLossForm = Literal["same", "dice_ce"]


@dataclass(frozen=True)
class FineSettings:
    """The settings of the fine network (ACDNet, an atrous DenseNet), relative to the plan's U-Net, and of its blocks.

    Attributes:
        width: Output channels of a stage, as a fraction of the plan's features of this stage.
        growth: New channels per dense layer, as a fraction of the plan's features of this stage.
        dense_layers: Number of dense layers in each block.
        bottleneck: Channels after the 1x1x1 convolution of a dense layer, as a multiple of its growth. 0: no 1x1x1
            convolution, so that the only convolution of the layer reads all features before it.
        atrous_rates: Dilations of the parallel convolutions (ASPP) at the end of each block.
        pyramid_width: Input channels of these convolutions, as a multiple of the growth, after a 1x1x1 convolution.
            None for all features of the block; a training step then spends most of its time here.
        activation: Position of normalisation and activation. ``before`` each convolution, as in DenseNet. ``after`` it,
            as in U-Net: they are then computed only for new channels.
        skips: How the decoder joins upsampled features and encoder features. ``concatenate``: side by side. ``reduce``:
            concatenated, then reduced to the stage's channels by a 1x1x1 convolution. ``add``: summed, which needs the
            least time and memory.
        checkpointing: Recompute the dense layers in the backward pass. This needs less memory and slightly more time.
            No effect in plans with batch normalisation.
        stages: Largest number of stages of a fine network on blocks.
        norm: Normalisation of a fine network on blocks. ``plan``: that of the plan, nnU-Net's instance normalisation.
            ``batch``: batch normalisation, which keeps differences in brightness between blocks. A fine network that
            does not correct the coarse one (``corrects``) may need them.
        block_size: Voxels per axis of a block; None for a size that fits the strides of the fine network.
        blocks_per_sample: Number of training blocks per sample.
        random_share: Fraction of these blocks anywhere in the window. The other blocks are where the coarse network is
            uncertain.
        threshold: In prediction, a block is refined if it contains a coarse foreground probability above this value; 0
            for all blocks.
        overlap: Fraction of the block's edge length that neighbouring blocks share in prediction.
        sees_features: Pass the last features of the coarse network to the fine one, besides its probabilities.
        corrects: Add the output of the fine network to the coarse logits, instead of predicting independent logits.
        detached: Stop the gradient of the fine network's loss at the coarse network.
        loss: Loss of the fine network in a cascade. ``same``: that of the coarse network. ``dice_ce``: Dice and
            cross-entropy without distance weights, which do not push the border of a large tumour inwards.

    Note:
        A training step of ACDNet takes
        a quarter less time with growth 0.25, dense_layers 2, bottleneck 0, pyramid_width 1, activation ``after``, skips
        ``add``, because this network has fewer and wider convolutions. In the cascade it had a lower DSC
        (docs/BENCHMARKS.md).
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
    norm: FineNorm = "plan"
    block_size: tuple[int, ...] | None = None
    blocks_per_sample: int = 2
    random_share: float = 0.5
    threshold: float = 0.05
    overlap: float = 0.25
    sees_features: bool = True
    corrects: bool = True
    detached: bool = True
    loss: FineLossForm = "same"

    def __post_init__(self) -> None:
        check_above("fine.width", self.width, 0.0)
        check_above("fine.growth", self.growth, 0.0)
        check_at_least("fine.dense_layers", self.dense_layers, 1)
        check_at_least("fine.bottleneck", self.bottleneck, 0)
        if not self.atrous_rates or min(self.atrous_rates) < 1:
            raise UserError(
                f"{BLOCK}.fine.atrous_rates: expected at least one rate, each 1 or more, got {self.atrous_rates}"
            )
        if self.pyramid_width is not None:
            check_above("fine.pyramid_width", self.pyramid_width, 0.0)
        check_at_least("fine.stages", self.stages, 1)
        check_at_least("fine.blocks_per_sample", self.blocks_per_sample, 1)
        check_sizes("fine.block_size", self.block_size)
        check_fraction("fine.random_share", self.random_share)
        check_fraction("fine.threshold", self.threshold)
        if not 0 <= self.overlap < 1:
            raise UserError(f"{BLOCK}.fine.overlap: expected a number from 0 to below 1, got {self.overlap:g}")
