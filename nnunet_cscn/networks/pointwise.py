"""Convolutions with a kernel of one voxel, as fast on a CPU as the matrix products that they are."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nnunet_cscn.networks.plans import Extent


class _AsMatrixProduct:
    """Compute a convolution with a kernel of one voxel as a matrix product.

    On a CPU, torch's own convolution is slower, above all in the backward pass. A GPU has its own algorithms.
    """

    kernel_size: Extent
    stride: Extent

    def _conv_forward(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        fits = x.ndim == weight.ndim and x.shape[1] == weight.shape[1]  # torch's own code explains what does not fit
        if x.device.type != "cpu" or not fits or max(*self.kernel_size, *self.stride) > 1:
            out: Tensor = super()._conv_forward(x, weight, bias)  # type: ignore[misc]
            return out
        matrix, voxels = weight.flatten(1).expand(len(x), -1, -1), x.flatten(2)
        product = torch.bmm(matrix, voxels) if bias is None else torch.baddbmm(bias[:, None], matrix, voxels)
        return product.reshape(*product.shape[:2], *x.shape[2:])


class PointConv2d(_AsMatrixProduct, nn.Conv2d):
    """A ``Conv2d`` with a kernel of one pixel and stride 1."""


class PointConv3d(_AsMatrixProduct, nn.Conv3d):
    """A ``Conv3d`` with a kernel of one voxel and stride 1."""


POINTWISE: dict[type[nn.Module], type[nn.Module]] = {nn.Conv2d: PointConv2d, nn.Conv3d: PointConv3d}
"""The class that takes the place of a convolution class if the kernel is one voxel."""
