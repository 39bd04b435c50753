"""The options of the second network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nnunet_cscn.errors import UserError
from nnunet_cscn.settings.checks import BLOCK, above, at_least, edges, share

FineNorm = Literal["batch", "plan"]
Activation = Literal["before", "after"]
Skips = Literal["concatenate", "reduce", "add"]


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
        The defaults are the form of the first version, so that its weights load. A step of ACDNet takes 0.7 times as
        long with growth 0.25, dense_layers 2, bottleneck 0, pyramid_width 1, activation ``after``, skips ``add``: many
        small convolutions take longer than their arithmetic says, and this form has fewer and wider ones. In the
        cascade it had a lower DSC (docs/BENCHMARKS.md).
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
        above("fine.width", self.width, 0.0)
        above("fine.growth", self.growth, 0.0)
        at_least("fine.dense_layers", self.dense_layers, 1)
        at_least("fine.bottleneck", self.bottleneck, 0)
        if not self.atrous_rates or min(self.atrous_rates) < 1:
            raise UserError(
                f"{BLOCK}.fine.atrous_rates: expected at least one rate, each 1 or more, got {self.atrous_rates}"
            )
        if self.pyramid_width is not None:
            above("fine.pyramid_width", self.pyramid_width, 0.0)
        at_least("fine.stages", self.stages, 1)
        at_least("fine.blocks_per_sample", self.blocks_per_sample, 1)
        edges("fine.block_size", self.block_size)
        share("fine.random_share", self.random_share)
        share("fine.threshold", self.threshold)
        if not 0 <= self.overlap < 1:
            raise UserError(f"{BLOCK}.fine.overlap: expected a number from 0 to below 1, got {self.overlap:g}")
