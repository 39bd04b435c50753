"""Instance normalisation that takes less time on a CPU."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.nn import functional


class _AsGroups:
    """Compute instance normalisation as group normalisation with one channel per group, which is the same.

    torch computes instance normalisation as batch normalisation of (1, B * C, *size), and returns a view of the result.
    That is slower on a CPU. And an activation in place then changes a view, for which autograd copies the whole
    gradient twice. A GPU has its own algorithms.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Normalise each channel of each sample, (B, C, *size)."""
        norm: Any = self
        # torch's own code explains what does not fit, and is more precise if channels are last in memory
        fits = x.ndim == norm._get_no_batch_dim() + 1 and x.shape[1] == norm.num_features and x.shape[2:].numel() > 1
        if x.device.type != "cpu" or norm.track_running_stats or not fits or not x.is_contiguous():
            out: Tensor = super().forward(x)  # type: ignore[misc]
            return out
        return functional.group_norm(x, norm.num_features, norm.weight, norm.bias, norm.eps)


class InstanceNorm2d(_AsGroups, nn.InstanceNorm2d):
    """``nn.InstanceNorm2d`` with the same weights and results."""


class InstanceNorm3d(_AsGroups, nn.InstanceNorm3d):
    """``nn.InstanceNorm3d`` with the same weights and results."""


FASTER_NORM: dict[type[nn.Module], type[nn.Module]] = {
    nn.InstanceNorm2d: InstanceNorm2d,
    nn.InstanceNorm3d: InstanceNorm3d,
}
"""The class that takes the place of a normalisation class of a plan."""
