"""Cut blocks out of a window, choose their positions, and arrange them on a grid for prediction."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

CANDIDATES_PER_BLOCK = 4  # candidate positions lie a quarter of a block apart along each axis
SMALLEST_SCORE = 1e-6  # added to every score; small, so that many certain positions do not outweigh a small tumour


def cut_blocks(volume: Tensor, origins: Tensor, size: Sequence[int]) -> Tensor:
    """Cut blocks of one size out of a batch, without a device synchronisation.

    Args:
        volume: (B, C, *window).
        origins: First voxel of each block, (B, K, axes), integers.
        size: Voxels per axis of a block.

    Returns:
        (B * K, C, *size). The K blocks of one sample follow each other.

    Example:
        >>> cut_blocks(torch.arange(6.0).reshape(1, 1, 2, 3), torch.tensor([[[0, 1]]]), (2, 2)).tolist()
        [[[[1.0, 2.0], [4.0, 5.0]]]]
    """
    batch, channels, *window = volume.shape
    n_blocks = origins.shape[1]
    index = torch.zeros((batch, n_blocks, *(1 for _ in size)), dtype=torch.long, device=volume.device)
    for axis, edge in enumerate(size):
        shape = [1] * len(size)
        shape[axis] = edge
        along = torch.arange(edge, device=volume.device).reshape(1, 1, *shape)
        first = origins[:, :, axis].reshape(batch, n_blocks, *(1 for _ in size))
        index = index * window[axis] + (first + along)
    flat = index.reshape(batch, 1, -1).expand(batch, channels, -1)
    blocks = volume.flatten(2).gather(2, flat).reshape(batch, channels, n_blocks, *size)
    return blocks.transpose(1, 2).reshape(batch * n_blocks, channels, *size)


def draw_block_origins(uncertainty: Tensor, size: Sequence[int], n_blocks: int, n_random: int) -> Tensor:
    """Draw some blocks where the coarse network is uncertain, and some anywhere in the window.

    The positions depend on the coarse probabilities only, never on the labels. Otherwise the fine network would see
    more tumour in training than at prediction.

    Args:
        uncertainty: Uncertainty of each voxel, at least 0, (B, 1, *window).
        size: Voxels per axis of a block.
        n_blocks: Blocks per sample.
        n_random: Number of these blocks that lie anywhere in the window.

    Returns:
        First voxel of each block, (B, n_blocks, axes). The shape does not depend on the image.
    """
    window = uncertainty.shape[2:]
    score, along = uncertainty, []
    for axis, (edge, length) in enumerate(zip(window, size, strict=True), start=2):
        step = max(1, length // CANDIDATES_PER_BLOCK)
        first = torch.arange(0, edge - length + step, step, device=score.device).clamp(max=edge - length)
        # box sums from cumulative sums, one axis at a time: the sum up to the end minus the sum before the start
        before = F.pad(score.cumsum(dim=axis), [0, 0] * (score.dim() - 1 - axis) + [1, 0])
        score = before.index_select(axis, first + length) - before.index_select(axis, first)
        along.append(first)
    flat = score.flatten(1).clamp(min=0) / math.prod(size)
    # weighted sampling without replacement: the largest values of log score + Gumbel noise
    noise = -torch.log(-torch.log(torch.rand_like(flat).clamp(1e-6, 1 - 1e-6)))
    n_sure = n_blocks - n_random
    parts = []
    if n_sure:
        chosen = (torch.log(flat + SMALLEST_SCORE) + noise).topk(min(n_sure, flat.shape[1]), dim=1).indices
        chosen = chosen.repeat(1, -(-n_sure // chosen.shape[1]))[:, :n_sure]
        places: list[Tensor] = []
        for first in reversed(along):
            places.insert(0, first[chosen % len(first)])
            chosen = chosen // len(first)
        parts.append(torch.stack(places, dim=-1))
    if n_random:
        spaces = [edge - length + 1 for edge, length in zip(window, size, strict=True)]
        drawn = [
            (torch.rand((flat.shape[0], n_random), device=flat.device) * space).long().clamp(max=space - 1)
            for space in spaces
        ]
        parts.append(torch.stack(drawn, dim=-1))
    return torch.cat(parts, dim=1)


def block_grid(window: Sequence[int], size: Sequence[int], overlap: float, multiple: Sequence[int]) -> list[list[int]]:
    """Return the first voxels, along each axis, of overlapping blocks that cover a window.

    The last block ends where the window ends.

    Args:
        window: Voxels per axis.
        size: Voxels per axis of a block.
        overlap: Smallest fraction of a block's edge length that two neighbouring blocks share.
        multiple: First voxels are multiples of this, one number per axis.

    Raises:
        ValueError: If a block is larger than the window.

    Example:
        >>> block_grid((8, 24), (8, 16), 0.25, (2, 2))
        [[0], [0, 8]]
    """
    if any(edge < length for edge, length in zip(window, size, strict=True)):
        raise ValueError(f"window: expected at least one block of {tuple(size)}, got {tuple(window)}")
    along = []
    for edge, length, unit in zip(window, size, multiple, strict=True):
        last = edge - length
        longest = max(unit, int(length * (1 - overlap)) // unit * unit)
        n_steps = -(-last // longest)
        along.append(sorted({round(i * last / n_steps / unit) * unit if n_steps else 0 for i in range(n_steps + 1)}))
    return along


def grid_origins(along: Sequence[Sequence[int]]) -> list[tuple[int, ...]]:
    """Return the first voxels of all blocks on a grid."""
    return list(itertools.product(*along))


def tent_weights(size: Sequence[int], *, device: torch.device) -> Tensor:
    """Return weights (*size) that fall linearly along each axis from the centre of a block to its border; never 0."""
    weight = torch.ones((), device=device)
    for edge in size:
        distance = torch.arange(edge, device=device, dtype=torch.float32) + 0.5
        along = torch.minimum(distance, edge - distance) / (edge / 2)
        weight = weight.unsqueeze(-1) * along
    return weight
