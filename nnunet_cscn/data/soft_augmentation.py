"""Augment stage-one probabilities, so that stage two does not simply copy them.

nnU-Net augments the one-hot labels of its own cascade in a similar way (random morphology, removed components).
Each transform first draws its parameters; its result depends only on them, so it can be repeated. All transforms change
the last channels of the image: foreground classes with a sum of at most 1, or regions with values from 0 to 1. This
also holds for the results.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from batchgeneratorsv2.transforms.base.basic_transform import BasicTransform
from batchgeneratorsv2.transforms.utils.random import RandomTransform
from torch import Tensor

from nnunet_cscn.settings.staged import SoftAugmentationSettings

_SMALLEST = 1e-6  # keeps the logits of 0 and 1 finite
_NEGLIGIBLE = 1e-3  # smaller probabilities are not blurred
Range = tuple[float, float]


class ProbabilityTransform(BasicTransform):  # type: ignore[misc]
    """A transform of the last image channels, which hold probabilities.

    Args:
        n_channels: Number of probability channels.

    Attributes:
        transform: Returns the new probabilities (C, *size) for given parameters from ``get_parameters``.
    """

    transform: Callable[..., Tensor]

    def __init__(self, n_channels: int) -> None:
        super().__init__()
        self.n_channels = n_channels

    def apply(self, data_dict: dict[str, Any], **params: Any) -> dict[str, Any]:
        """Replace the probabilities in place. This is safe: ``RestoreInputChannels`` has made a new tensor."""
        probabilities = data_dict["image"][-self.n_channels :]
        probabilities.copy_(self.transform(probabilities, **params))
        return data_dict


class BlurProbabilities(ProbabilityTransform):
    """Blur all channels with the same Gaussian, as if the network were less certain.

    Args:
        n_channels: Number of probability channels.
        spacing_mm: Size of a voxel along the spatial axes.
        sigma: Range of the Gaussian's standard deviation, in multiples of the smallest spacing.
    """

    def __init__(self, n_channels: int, spacing_mm: Sequence[float], sigma: Range = (0.5, 2.0)) -> None:
        super().__init__(n_channels)
        self.spacing_mm = tuple(spacing_mm)
        self.sigma = sigma

    def get_parameters(self, **_data: Any) -> dict[str, Any]:
        """Draw the standard deviation in mm."""
        return {"sigma_mm": _draw_uniform(self.sigma) * min(self.spacing_mm)}

    def transform(self, probabilities: Tensor, *, sigma_mm: float) -> Tensor:
        """Convolve along each axis in turn; values at the border are repeated outside.

        For speed, only the box with foreground probability is blurred.
        """
        kernels = [_gaussian(sigma_mm / spacing).to(probabilities) for spacing in self.spacing_mm]
        box = _occupied_box(probabilities, margins=[len(kernel) // 2 for kernel in kernels])
        if box is None:
            return probabilities
        blurred = probabilities.clone()
        part = probabilities[box]
        for axis, kernel in enumerate(kernels, start=1):
            part = _convolve(part, kernel, axis)
        blurred[box] = part
        return blurred


class DropBlob(ProbabilityTransform):
    """Reduce the foreground probability in one smooth blob, as if the network missed a part.

    Args:
        n_channels: Number of probability channels.
        spacing_mm: Size of a voxel along the spatial axes.
        radius_mm: Range of the standard deviation of the Gaussian blob.
        strength: Range of the fraction of the probability that is lost at the centre.
    """

    def __init__(
        self,
        n_channels: int,
        spacing_mm: Sequence[float],
        radius_mm: Range = (3.0, 15.0),
        strength: Range = (0.5, 1.0),
    ) -> None:
        super().__init__(n_channels)
        self.spacing_mm = tuple(spacing_mm)
        self.radius_mm = radius_mm
        self.strength = strength

    def get_parameters(self, **data: Any) -> dict[str, Any]:
        """Draw a centre among the voxels with a foreground probability above 0.5 (any voxel if there is none)."""
        probabilities = data["image"][-self.n_channels :]
        likely = torch.nonzero(probabilities.amax(dim=0) > 0.5)
        if len(likely):
            centre = likely[int(torch.randint(len(likely), ()))].tolist()
        else:
            centre = [int(torch.randint(edge, ())) for edge in probabilities.shape[1:]]
        return {"centre": centre, "radius_mm": _draw_uniform(self.radius_mm), "strength": _draw_uniform(self.strength)}

    def transform(self, probabilities: Tensor, *, centre: Sequence[int], radius_mm: float, strength: float) -> Tensor:
        """Multiply by ``1 - strength * exp(-d^2 / (2 radius^2))``, where d is the distance from the centre."""
        loss = torch.tensor(strength, dtype=torch.float32)
        for axis, (at, spacing) in enumerate(zip(centre, self.spacing_mm, strict=True), start=1):
            offset_mm = (torch.arange(probabilities.shape[axis], dtype=torch.float32) - at) * spacing
            loss = loss[..., None] * torch.exp(-(offset_mm**2) / (2 * radius_mm**2))  # a Gaussian is separable
        return torch.addcmul(probabilities, probabilities, loss.to(probabilities), value=-1)


class JitterCalibration(ProbabilityTransform):
    """Make the probabilities more or less confident, and the foreground more or less likely.

    Args:
        n_channels: Number of probability channels.
        are_regions: Whether channels are overlapping regions (sigmoid) instead of classes (softmax).
        temperature: Range of the divisor of the logits, uniform on a logarithmic scale.
        bias: Range of the value added to the foreground logits.
    """

    def __init__(
        self, n_channels: int, *, are_regions: bool, temperature: Range = (0.5, 2.0), bias: Range = (-1.0, 1.0)
    ) -> None:
        super().__init__(n_channels)
        self.are_regions = are_regions
        self.temperature = temperature
        self.bias = bias

    def get_parameters(self, **_data: Any) -> dict[str, Any]:
        """Draw temperature and bias."""
        low, high = (math.log(t) for t in self.temperature)
        return {"temperature": math.exp(_draw_uniform((low, high))), "bias": _draw_uniform(self.bias)}

    def transform(self, probabilities: Tensor, *, temperature: float, bias: float) -> Tensor:
        """Divide the logits by the temperature, add the bias, and convert back to probabilities."""
        p = probabilities.float()
        if self.are_regions:
            return torch.sigmoid(torch.logit(p, eps=_SMALLEST) / temperature + bias)
        background = (1 - p.sum(dim=0, keepdim=True)).clamp_(min=_SMALLEST)
        if self.n_channels == 1:  # the same result, faster: in place, because new memory is slow
            odds = p.clamp(min=_SMALLEST).div_(background)
            return odds.log_().div_(temperature).add_(bias).sigmoid_()
        logits = torch.cat([background, p.clamp(min=_SMALLEST)]).log() / temperature
        logits[1:] += bias
        return logits.softmax(dim=0)[1:]


def soft_augmentation(
    settings: SoftAugmentationSettings, n_channels: int, spacing_mm: Sequence[float], *, are_regions: bool
) -> list[BasicTransform]:
    """Return the training transforms of stage-one probabilities.

    Args:
        settings: Probability of each transform.
        n_channels: Number of probability channels.
        spacing_mm: Size of a voxel along the spatial axes.
        are_regions: Whether channels are overlapping regions.
    """
    chances: list[tuple[BasicTransform, float]] = [
        (JitterCalibration(n_channels, are_regions=are_regions), settings.jitter),
        (BlurProbabilities(n_channels, spacing_mm), settings.blur),
        (DropBlob(n_channels, spacing_mm), settings.dropout),
    ]
    return [RandomTransform(transform, apply_probability=chance) for transform, chance in chances if chance > 0]


def _draw_uniform(bounds: Range) -> float:
    low, high = bounds
    return low + (high - low) * float(torch.rand(()))


def _occupied_box(probabilities: Tensor, *, margins: Sequence[int]) -> tuple[slice, ...] | None:
    """Return the bounding box of non-negligible probabilities plus margins; None if there are none."""
    box = [slice(None)] * probabilities.ndim
    for axis, margin in enumerate(margins, start=1):  # each axis is searched only inside the box of the axes before
        others = [other for other in range(probabilities.ndim) if other != axis]
        hits = torch.nonzero(probabilities[tuple(box)].amax(dim=others) > _NEGLIGIBLE)
        if not len(hits):
            return None
        box[axis] = slice(max(int(hits[0]) - margin, 0), int(hits[-1]) + margin + 1)
    return tuple(box)


def _convolve(volume: Tensor, kernel: Tensor, axis: int) -> Tensor:
    """Convolve along one axis by adding shifted copies. On a CPU this is several times as fast as torch's."""
    radius, length = len(kernel) // 2, volume.shape[axis]
    if radius == 0:
        return volume
    places = torch.arange(-radius, length + radius).clamp(0, length - 1)
    padded = volume.index_select(axis, places)
    result = padded.narrow(axis, radius, length) * kernel[radius]
    for offset, weight in enumerate(kernel.tolist()):
        if offset != radius:
            result.add_(padded.narrow(axis, offset, length), alpha=weight)
    return result


def _gaussian(sigma: float) -> Tensor:
    """Return a normalised kernel up to three standard deviations, with odd length; one element if sigma is tiny."""
    radius = math.ceil(3 * sigma) if sigma > 0.1 else 0
    offsets = torch.arange(-radius, radius + 1, dtype=torch.float32)
    weights = torch.exp(-(offsets**2) / (2 * max(sigma, 1e-3) ** 2))
    return weights / weights.sum()
