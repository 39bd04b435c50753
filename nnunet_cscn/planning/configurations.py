"""Derive a new configuration from an existing one, with other settings, patch size or spacing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nnunet_cscn.errors import ArgumentError, UserError
from nnunet_cscn.nnunet.plans import MAKE_PLANS, configuration_from_plans
from nnunet_cscn.planning.options import merge_options
from nnunet_cscn.planning.window import pooling_for
from nnunet_cscn.settings.block import Settings
from nnunet_cscn.settings.checks import BLOCK

SMALLEST_FEATURE_MAP = 4  # in voxels; nnU-Net's planner stops pooling below it
LARGEST = 4096  # larger numbers of channels or voxels are typing errors


@dataclass(frozen=True)
class Changes:
    """The differences between a new configuration and the one from which it inherits.

    Attributes:
        options: Entries of the ``cscn`` block, nested.
        patch_size: Patch size in voxels, slowest axis first. A new network topology is planned for it.
        window: Window of the cascade in voxels, slowest axis first, instead of patch_size. The pooling is chosen so
            that the coarse network costs at most half as much as a U-Net on the inherited patch.
        batch_size: Number of patches in a batch.
        spacing_mm: Target spacing, slowest axis first. The configuration then needs its own preprocessed data.
        features: Channels at full resolution. They double from stage to stage up to ``max_features``.
        max_features: Largest number of channels of a stage.
    """

    options: Mapping[str, Any]
    patch_size: Sequence[int] | None = None
    window: Sequence[int] | None = None
    batch_size: int | None = None
    spacing_mm: Sequence[float] | None = None
    features: int | None = None
    max_features: int | None = None

    @property
    def need_new_topology(self) -> bool:
        """Whether a new network topology must be planned."""
        sizes = (self.patch_size, self.window, self.spacing_mm, self.features, self.max_features)
        return any(size is not None for size in sizes)


def derive_configuration(plans: Mapping[str, Any], base: str, name: str, changes: Changes) -> dict[str, Any]:
    """Return the entry of a new configuration that inherits from ``base``.

    Args:
        plans: nnU-Net's plans.
        base: Name of the existing configuration.
        name: Name of the new configuration.
        changes: Differences from the existing configuration.

    Returns:
        The entry to store under ``name`` in the plans' configurations. It is never the first stage of nnU-Net's own
        cascade: a second stage of the base, as for 3d_lowres, still uses the predictions of the base.

    Raises:
        UserError: If the base is unknown, options are not valid, or sizes do not fit.
    """
    inherited = configuration_from_plans(dict(plans), base)
    _check(changes, inherited)
    entry: dict[str, Any] = {"inherits_from": base}
    if inherited.get("next_stage") is not None:
        entry["next_stage"] = None  # otherwise nnU-Net predicts the next stage's input after each training
    Settings.from_configuration(inherited)  # raises UserError for unknown options, as does the next check
    block = merge_options(inherited.get(BLOCK) or {}, changes.options)
    Settings.from_block(block)
    if block:
        entry[BLOCK] = block
    if changes.batch_size is not None:
        entry["batch_size"] = changes.batch_size
    if changes.spacing_mm is not None:
        entry["spacing"] = [float(s) for s in changes.spacing_mm]
        entry["data_identifier"] = f"{_required(plans, 'plans_name', str)}_{name}"
        entry["median_image_size_in_voxels"] = _size_at(entry["spacing"], inherited)
    if changes.need_new_topology:
        patch_size = next(
            size for size in (changes.window, changes.patch_size, _required(inherited, "patch_size", list)) if size
        )
        spacing = entry.get("spacing", _required(inherited, "spacing", list))
        entry["patch_size"], entry["architecture"] = _plan_network(inherited, patch_size, spacing, changes)
        if changes.window is not None:
            strides = entry["architecture"]["arch_kwargs"]["strides"]
            pooling = pooling_for(entry["patch_size"], strides, _required(inherited, "patch_size", list))
            entry[BLOCK] = merge_options(block, {"coarse": {"pooling": pooling}})
    # raises UserError if the base inherits from a configuration of this name
    configuration_from_plans({"configurations": {**plans["configurations"], name: entry}}, name)
    return entry


def _size_at(spacing: Sequence[float], inherited: Mapping[str, Any]) -> list[float]:
    """Return the median image size in voxels at another spacing."""
    sizes = _required(inherited, "median_image_size_in_voxels", list)
    new = [size * old / step for size, old, step in zip(sizes, inherited["spacing"], spacing, strict=True)]
    if not all(0.5 < size <= max(LARGEST, old) for size, old in zip(new, sizes, strict=True)):
        shown = " x ".join(f"{size:g}" for size in new)
        raise ArgumentError(
            "spacing_mm",
            f"expected a spacing with 1 to {LARGEST} voxels along each axis of the median image, got {shown} voxels",
        )
    return [float(round(size)) for size in new]


def _plan_network(
    inherited: Mapping[str, Any], patch_size: Sequence[int], spacing: Sequence[float], changes: Changes
) -> tuple[list[int], dict[str, Any]]:
    """Plan patch size (rounded up to a multiple of the strides) and architecture as nnU-Net does."""
    from nnunet_cscn.nnunet.planners import get_pool_and_conv_props

    old = _required(inherited, "architecture", dict)
    kwargs = dict(_required(old, "arch_kwargs", dict))
    inherited_features = _required(kwargs, "features_per_stage", list)
    _, strides, kernels, padded, _ = get_pool_and_conv_props(spacing, patch_size, SMALLEST_FEATURE_MAP, 999)
    n_stages = len(strides)
    first = changes.features or inherited_features[0]
    largest = changes.max_features or max(*inherited_features, first)
    kwargs.update(
        n_stages=n_stages,
        features_per_stage=[min(largest, first * 2**stage) for stage in range(n_stages)],
        kernel_sizes=[list(k) for k in kernels],
        strides=[list(s) for s in strides],
    )
    for key, length in (
        ("n_conv_per_stage", n_stages),
        ("n_blocks_per_stage", n_stages),
        ("n_conv_per_stage_decoder", n_stages - 1),
    ):
        if key in kwargs:
            kwargs[key] = _resized(kwargs[key], length)
    return [int(edge) for edge in padded], {**old, "arch_kwargs": kwargs}


def _resized(per_stage: Any, length: int) -> list[int]:
    values = list(per_stage) if isinstance(per_stage, (list, tuple)) else [per_stage]
    return (values + values[-1:] * length)[:length]


def _check(changes: Changes, inherited: Mapping[str, Any]) -> None:
    """Raise if sizes are not valid or do not fit the inherited configuration."""
    for argument, number in (
        ("batch_size", changes.batch_size),
        ("features", changes.features),
        ("max_features", changes.max_features),
    ):
        if number is not None and not 1 <= number <= LARGEST:
            raise ArgumentError(argument, f"expected a number from 1 to {LARGEST}, got {number}")
    if changes.window is not None and changes.patch_size is not None:
        raise ArgumentError("window", "give a window or a patch size, not both: the window is the patch of the cascade")
    if changes.window is not None and "pooling" in changes.options.get("coarse", {}):
        raise ArgumentError(
            "window", "it sets coarse.pooling itself: to set coarse.pooling yourself, give a patch size instead"
        )
    sizes = (
        ("patch_size", changes.patch_size),
        ("window", changes.window),
        ("spacing_mm", changes.spacing_mm),
    )
    for argument, numbers in sizes:
        if numbers is None:
            continue
        expected = len(_required(inherited, "spacing", list))
        if len(numbers) != expected:
            raise ArgumentError(argument, f"expected {expected} numbers for this configuration, got {len(numbers)}")
        if not all(math.isfinite(n) and n > 0 for n in numbers):
            raise ArgumentError(argument, f"expected positive numbers, got {', '.join(f'{n:g}' for n in numbers)}")
    for argument, patch_size in sizes[:2]:
        if patch_size is not None:
            _check_patch(argument, patch_size)


def _check_patch(argument: str, patch_size: Sequence[float]) -> None:
    shown = ",".join(map(str, patch_size))
    if max(patch_size) > LARGEST:
        raise ArgumentError(argument, f"expected at most {LARGEST} voxels along an axis, got {shown}")
    if sum(edge >= SMALLEST_FEATURE_MAP for edge in patch_size) < 2:
        raise ArgumentError(
            argument, f"expected at least {SMALLEST_FEATURE_MAP} voxels along at least two axes, got {shown}"
        )


def _required(block: Mapping[str, Any], key: str, kind: type) -> Any:
    """Return an entry that every U-Net plan has; raise if it is missing."""
    value = block.get(key)
    if not isinstance(value, (list, tuple) if kind is list else kind):
        raise UserError(f"the plans have no valid {key}: {MAKE_PLANS}")
    return value
