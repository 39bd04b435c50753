"""The decoder blocks of ACDNet: convolutions in the axial, coronal and sagittal planes, then fused."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from nnunet_cscn.networks.convolutions import conv_norm_nonlin, convolution, norm_nonlin
from nnunet_cscn.networks.plans import Extent, Topology


def view_kernels(kernel: Extent) -> list[Extent]:
    """Return the in-plane kernels of the axial, coronal and sagittal views for a kernel of the plan.

    In 2D there is only one view.

    Example:
        >>> view_kernels((3, 3, 3))
        [(1, 3, 3), (3, 1, 3), (3, 3, 1)]
        >>> view_kernels((3, 3))
        [(3, 3)]
    """
    if len(kernel) == 2:
        return [kernel]
    return [tuple(1 if axis == normal else k for axis, k in enumerate(kernel)) for normal in range(3)]


class ViewFusion(nn.Module):
    """Convolve within the axial, coronal and sagittal planes, concatenate, and fuse by a 1x1x1 convolution.

    The paper fuses "the features of multiple views" while upsampling, to reduce false positives (abstract).

    Args:
        topology: Convolution, normalisation and activation types of the plan.
        channels_in: Channels of the input.
        channels_out: Channels of the output.
        kernel: Kernel of the stage; each view uses two of its axes.
        inner: Input channels of the views, after a shared 1x1x1 convolution; None for all.

    Shape:
        (B, channels_in, *size) -> (B, channels_out, *size)
    """

    def __init__(
        self, topology: Topology, channels_in: int, channels_out: int, *, kernel: Extent, inner: int | None = None
    ) -> None:
        super().__init__()
        point = (1,) * len(kernel)
        reads = channels_in if inner is None else inner
        self.reduce = nn.Sequential()  # empty and without weights, so that weights of older versions still load
        if inner is not None:
            self.reduce = conv_norm_nonlin(topology, channels_in, inner, kernel=point)
        kernels = view_kernels(kernel)
        self.kernel = kernel
        # one wide convolution is faster on a CPU, as long as few of its weights are zero
        self.joins_views = len(kernels) > 1 and math.prod(kernel) < sum(map(math.prod, kernels))
        per_view = max(4, channels_out // 2) if len(kernels) > 1 else channels_out
        self.views = nn.ModuleList(convolution(topology, reads, per_view, kernel=k) for k in kernels)
        gathered = per_view * len(kernels)
        self.fuse = nn.Sequential(
            *norm_nonlin(topology, gathered),
            conv_norm_nonlin(topology, gathered, channels_out, kernel=point),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the fused features."""
        read = self.reduce(x)
        views = self._joined_views(read) if self.joins_views and x.device.type == "cpu" else self._each_view(read)
        fused: Tensor = self.fuse(views)
        return fused

    def _each_view(self, x: Tensor) -> Tensor:
        return torch.cat([view(x) for view in self.views], dim=1)

    def _joined_views(self, x: Tensor) -> Tensor:
        """Compute all views as one convolution whose kernels are padded with zeros."""
        views: Any = self.views
        weight = torch.cat([_padded_kernel(view.weight, self.kernel) for view in views])
        bias = None if views[0].bias is None else torch.cat([view.bias for view in views])
        convolve: Any = functional.conv2d if len(self.kernel) == 2 else functional.conv3d
        joined: Tensor = convolve(x, weight, bias, padding=[(k - 1) // 2 for k in self.kernel])
        return joined


def _padded_kernel(weight: Tensor, kernel: Extent) -> Tensor:
    """Pad the weights of a view with zeros on both sides, to the kernel of the stage."""
    margins = [(k - width) // 2 for k, width in zip(kernel, weight.shape[2:], strict=True)]
    return functional.pad(weight, [margin for margin in reversed(margins) for _side in range(2)])
