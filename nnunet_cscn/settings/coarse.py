"""The settings of the coarse network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nnunet_cscn.settings.checks import check_sizes

Resolution = Literal["pooled", "full"]
Stem = Literal["mean", "learned"]


@dataclass(frozen=True)
class CoarseSettings:
    """The resolution of the coarse network.

    Attributes:
        resolution: ``pooled``: the coarse network sees the whole window at a lower resolution, and the fine network
            works on blocks at full resolution. ``full``: both networks work at full resolution on the same patch, as in
            the paper.
        pooling: Pooling factor per axis; None for the plan's first stride above 1.
        stem: How the window is pooled. ``mean``: by averaging. ``learned``: by a convolution with this stride.
    """

    resolution: Resolution = "pooled"
    pooling: tuple[int, ...] | None = None
    stem: Stem = "mean"

    def __post_init__(self) -> None:
        check_sizes("coarse.pooling", self.pooling)
