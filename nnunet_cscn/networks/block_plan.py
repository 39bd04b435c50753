"""The topology of a network on full-resolution blocks of the window."""

from __future__ import annotations

import dataclasses
import math

from torch import nn

from nnunet_cscn.errors import UserError
from nnunet_cscn.networks.instance_norm import InstanceNorm2d, InstanceNorm3d
from nnunet_cscn.networks.plans import Extent, Topology
from nnunet_cscn.networks.pooling import cumulative_strides
from nnunet_cscn.settings.checks import BLOCK
from nnunet_cscn.settings.fine import FineSettings

INSTANCE_NORMS = (InstanceNorm2d, InstanceNorm3d)
FEATURE_MAP = (4, 8)  # smallest and largest number of voxels per axis at the deepest stage of a block


def block_plan(topology: Topology, fine: FineSettings, pooling: Extent) -> Topology:
    """Return the topology of the network on full-resolution blocks.

    Args:
        topology: Topology of the plan.
        fine: Number of stages, block size and normalisation of the fine network.
        pooling: Result of ``pooling_of``. The first voxel of a block is a multiple of it.

    Raises:
        UserError: If the blocks are larger than the window, not divisible by the strides, or too small to normalise.
    """
    n_stages = min(fine.stages, topology.n_stages)
    steps = cumulative_strides(topology)[n_stages - 1]
    multiples = tuple(math.lcm(step, by) for step, by in zip(steps, pooling, strict=True))
    size = fine.block_size or tuple(
        _block_edge(*each) for each in zip(topology.patch_size, steps, multiples, strict=True)
    )
    if len(size) != topology.dimensions:
        raise UserError(f"{BLOCK}.fine.block_size: expected {topology.dimensions} numbers, got {list(size)}")
    if any(edge % multiple for edge, multiple in zip(size, multiples, strict=True)):
        raise UserError(
            f"{BLOCK}.fine.block_size: {list(size)} is not divisible by {list(multiples)}, the strides of the fine "
            f"network: choose multiples of these strides, or fewer stages (now fine.stages={n_stages})"
        )
    if any(edge > window for edge, window in zip(size, topology.patch_size, strict=True)):
        raise UserError(
            f"{BLOCK}.fine.block_size: blocks of {list(size)} are larger than the window "
            f"{list(topology.patch_size)}: choose smaller blocks, or a larger patch_size"
        )
    norm, norm_kwargs = topology.norm, topology.norm_kwargs
    if fine.norm == "batch":
        norm = nn.BatchNorm3d if topology.dimensions == 3 else nn.BatchNorm2d
        norm_kwargs = {"eps": 1e-5, "affine": True}
    elif size == steps and norm in INSTANCE_NORMS:
        raise UserError(
            f"{BLOCK}.fine.block_size: blocks of {list(size)} have a single voxel at the deepest stage, which instance "
            f"normalisation would set to 0: choose larger blocks, or fewer stages (now fine.stages={n_stages})"
        )
    return dataclasses.replace(
        topology,
        features=topology.features[:n_stages],
        kernel_sizes=topology.kernel_sizes[:n_stages],
        strides=topology.strides[:n_stages],
        blocks=topology.blocks[:n_stages],
        patch_size=size,
        norm=norm,
        norm_kwargs=norm_kwargs,
    )


def _block_edge(window: int, step: int, multiple: int) -> int:
    """Return half the window's edge length, limited by ``FEATURE_MAP``."""
    least, most = (-(-count * step // multiple) * multiple for count in FEATURE_MAP)
    half = window // 2 // multiple * multiple
    return min(window, max(least, min(most, half)))
