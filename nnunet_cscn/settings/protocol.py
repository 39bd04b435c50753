"""The options of the paper's protocol."""

from __future__ import annotations

from dataclasses import dataclass

from nnunet_cscn.settings.checks import above, at_least


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
        at_least("protocol.decay_iterations", self.decay_iterations, 1)
        if self.head_height_mm is not None:
            above("protocol.head_height_mm", self.head_height_mm, 0.0)
        at_least("protocol.head_jitter_mm", self.head_jitter_mm, 0.0)
