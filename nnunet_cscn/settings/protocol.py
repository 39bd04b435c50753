"""The settings of the paper's training protocol."""

from __future__ import annotations

from dataclasses import dataclass

from nnunet_cscn.settings.checks import check_above, check_at_least


@dataclass(frozen=True)
class ProtocolSettings:
    """The settings of the paper's training protocol, used only by the paper's trainers.

    Attributes:
        decay_iterations: Iterations after which the learning rate is multiplied by 0.9 (section 4.2).
        head_height_mm: Smallest height of the part of the volume around the tumour in which block centres lie; None for
            the whole volume.
        head_jitter_mm: Largest random shift of this part up or down.
    """

    decay_iterations: int = 500
    head_height_mm: float | None = 103.0
    head_jitter_mm: float = 10.0

    def __post_init__(self) -> None:
        check_at_least("protocol.decay_iterations", self.decay_iterations, 1)
        if self.head_height_mm is not None:
            check_above("protocol.head_height_mm", self.head_height_mm, 0.0)
        check_at_least("protocol.head_jitter_mm", self.head_jitter_mm, 0.0)
