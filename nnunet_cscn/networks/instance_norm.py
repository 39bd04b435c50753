"""Instance normalisation after which an activation in place costs no copies in the backward pass."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


class _NoView:
    """Return the normalised features as a tensor of their own.

    torch computes instance normalisation as batch normalisation of (1, B * C, *size), and returns a view of the result.
    An activation in place then changes a view, for which autograd copies the whole gradient twice. ``_unsafe_view``
    returns the same tensor, but not as a view. This is safe here, because nothing else refers to the result.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Normalise each channel of each sample, (B, C, *size)."""
        norm: Any = self
        if norm.track_running_stats or x.dim() != norm._get_no_batch_dim() + 1 or not torch.is_grad_enabled():
            out: Tensor = super().forward(x)  # type: ignore[misc]
            return out
        batch, channels, *size = x.shape
        weight, bias = (None if each is None else each.repeat(batch) for each in (norm.weight, norm.bias))
        joined = x.contiguous().view(1, batch * channels, *size)
        normalised = functional.batch_norm(joined, None, None, weight, bias, training=True, eps=norm.eps)
        own: Tensor = torch.ops.aten._unsafe_view(normalised, x.shape)
        return own


class InstanceNorm2d(_NoView, nn.InstanceNorm2d):
    """``nn.InstanceNorm2d`` with the same weights and results."""


class InstanceNorm3d(_NoView, nn.InstanceNorm3d):
    """``nn.InstanceNorm3d`` with the same weights and results."""


FASTER_NORM: dict[type[nn.Module], type[nn.Module]] = {
    nn.InstanceNorm2d: InstanceNorm2d,
    nn.InstanceNorm3d: InstanceNorm3d,
}
"""The class that takes the place of a normalisation class of a plan."""
