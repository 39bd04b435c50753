"""The options of the first network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nnunet_cscn.settings.checks import edges

Resolution = Literal["pooled", "full"]
Stem = Literal["mean", "learned"]


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
        edges("coarse.pooling", self.pooling)
