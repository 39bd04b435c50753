"""Record inputs and outputs of modules, and independent implementations to compare with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def recorded_inputs(module: nn.Module) -> list[tuple[Any, ...]]:
    """Return a list to which the inputs of the module are appended."""
    seen: list[tuple[Any, ...]] = []
    module.register_forward_pre_hook(lambda _module, given: seen.append(given))
    return seen


def recorded_outputs(module: nn.Module) -> list[Any]:
    """Return a list to which the outputs of the module are appended."""
    out: list[Any] = []
    module.register_forward_hook(lambda _module, _given, result: out.append(result))
    return out


def sliced(volume: Tensor, origins: Sequence[Sequence[int]], size: Sequence[int]) -> Tensor:
    """Cut blocks out of one sample (C, *window) by plain slices."""
    boxes = [[slice(first, first + edge) for first, edge in zip(o, size, strict=True)] for o in origins]
    return torch.stack([volume[(slice(None), *box)] for box in boxes])


def upsampled(logits: Tensor, size: Sequence[int]) -> Tensor:
    """Upsample the logits of a whole pooled window to full resolution."""
    return F.interpolate(logits, size=tuple(size), mode="trilinear" if len(size) == 3 else "bilinear")


def averaged(volume: Tensor, by: Sequence[int]) -> Tensor:
    """Average (B, C, *size) over cells, by numpy."""
    cells = [n for edge, step in zip(volume.shape[2:], by, strict=True) for n in (edge // step, step)]
    array = volume.detach().numpy().reshape(*volume.shape[:2], *cells)
    return torch.from_numpy(array.mean(axis=tuple(range(3, array.ndim, 2))))
