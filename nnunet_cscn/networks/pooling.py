"""The topology of the coarse network, which sees the window at a lower resolution."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from torch import nn

from nnunet_cscn.errors import UserError
from nnunet_cscn.networks.convolutions import conv_norm_nonlin
from nnunet_cscn.networks.plans import Architecture, Extent, Topology
from nnunet_cscn.settings.checks import BLOCK
from nnunet_cscn.settings.coarse import CoarseSettings

USE_FULL_RESOLUTION = "set coarse.resolution=full in the cscn block to run both networks at full resolution"


def cumulative_strides(topology: Topology) -> list[Extent]:
    """Return the stride of each stage relative to the patch, per axis."""
    found: list[Extent] = []
    steps: Extent = (1,) * topology.dimensions
    for strides in topology.strides:
        steps = tuple(step * stride for step, stride in zip(steps, strides, strict=True))
        found.append(steps)
    return found


def pooling_of(topology: Topology, coarse: CoarseSettings) -> Extent:
    """Return the factor per axis by which the window is pooled: the setting, or the plan's first stride above 1.

    Raises:
        UserError: If the plan has no stride above 1, or the setting does not fit its strides or patch size.
    """
    steps = cumulative_strides(topology)
    strided = [step for step in steps if max(step) > 1]
    if not strided:
        raise UserError(
            f"the plan has only one resolution (patch {list(topology.patch_size)}, {topology.n_stages} stages), so the "
            f"coarse network cannot use a lower resolution: {USE_FULL_RESOLUTION}"
        )
    if coarse.pooling is None:
        return strided[0]
    pooling = coarse.pooling
    if len(pooling) != topology.dimensions:
        raise UserError(f"{BLOCK}.coarse.pooling: expected {topology.dimensions} numbers, got {list(pooling)}")
    if max(pooling) == 1:
        raise UserError(
            f"{BLOCK}.coarse.pooling: {list(pooling)} does not reduce the resolution: {USE_FULL_RESOLUTION}"
        )
    for axis, by in enumerate(pooling):
        if by not in (fitting := _allowed_factors(steps, axis)):
            raise UserError(
                f"{BLOCK}.coarse.pooling: {list(pooling)} does not fit the plan's strides along axis {axis}: choose "
                f"{' or '.join(map(str, fitting))} for this axis"
            )
    return pooling


def _allowed_factors(steps: Sequence[Extent], axis: int) -> list[int]:
    """Return the pooling factors along an axis that are compatible with the strides of all stages."""
    deepest = steps[-1][axis]
    return [
        by
        for by in range(1, deepest + 1)
        if deepest % by == 0 and all(step[axis] % by == 0 or by % step[axis] == 0 for step in steps)
    ]


def pooled_plan(architecture: Architecture, topology: Topology, pooling: Extent) -> tuple[Architecture, Topology]:
    """Return the architecture and topology of the coarse U-Net on the pooled window.

    It has the resolutions of the plan from the pooled one down, with the plan's kernels for them. The numbers of
    features start with those of the plan's first stage; at this resolution they cost little.

    Args:
        architecture: Architecture entry of the plan.
        topology: Topology read from this entry.
        pooling: Result of ``pooling_of``.
    """
    stages: list[int] = []
    left: list[Extent] = []
    for stage, steps in enumerate(cumulative_strides(topology)):
        remaining = tuple(max(1, step // by) for step, by in zip(steps, pooling, strict=True))
        if left and left[-1] == remaining:
            stages[-1] = stage  # several stages fall on the pooled resolution: take the kernel of the last one
            continue
        stages.append(stage)
        left.append(remaining)
    strides = [tuple(after // before for after, before in zip(*pair, strict=True)) for pair in zip(left[1:], left)]  # noqa: B905
    pooled = dataclasses.replace(
        topology,
        features=topology.features[: len(stages)],
        kernel_sizes=tuple(topology.kernel_sizes[stage] for stage in stages),
        strides=((1,) * topology.dimensions, *strides),
        blocks=tuple(topology.blocks[stage] for stage in stages),
        patch_size=tuple(edge // by for edge, by in zip(topology.patch_size, pooling, strict=True)),
    )
    kwargs: dict[str, Any] = dict(architecture.kwargs)
    kwargs.update(
        n_stages=pooled.n_stages,
        features_per_stage=list(pooled.features),
        kernel_sizes=[list(kernel) for kernel in pooled.kernel_sizes],
        strides=[list(stride) for stride in pooled.strides],
    )
    for key in ("n_conv_per_stage", "n_blocks_per_stage"):
        if key in kwargs:
            kwargs[key] = list(pooled.blocks)
    if isinstance(decoder := kwargs.get("n_conv_per_stage_decoder"), (list, tuple)):
        kwargs["n_conv_per_stage_decoder"] = list(decoder)[: pooled.n_stages - 1]  # deepest first
    return dataclasses.replace(architecture, kwargs=kwargs), pooled


def coarse_stem(topology: Topology, pooling: Extent, coarse: CoarseSettings, channels: int) -> tuple[nn.Module, int]:
    """Return the module that reduces the window to the coarse resolution, and its number of output channels.

    Args:
        topology: Topology of the plan.
        pooling: Result of ``pooling_of``.
        coarse: Settings of the coarse network; ``stem`` chooses the module.
        channels: Channels of the image.
    """
    if coarse.stem == "learned":
        width = topology.features[0]
        return conv_norm_nonlin(topology, channels, width, kernel=pooling, stride=pooling), width
    pool: Any = nn.AvgPool3d if topology.dimensions == 3 else nn.AvgPool2d
    return pool(pooling), channels


def pooled_scales(pooled: Topology, pooling: Sequence[int]) -> list[list[float]]:
    """Return the size of each output of the coarse network relative to the window, for nnU-Net's target scales."""
    steps = cumulative_strides(pooled)[: max(1, pooled.n_stages - 1)]
    return [[1 / (step * by) for step, by in zip(each, pooling, strict=True)] for each in steps]
