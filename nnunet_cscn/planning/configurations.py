"""Derive a configuration from another one: other options, another patch, another spacing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nnunet_cscn.errors import UserError
from nnunet_cscn.nnunet.plans import MAKE_PLANS, configuration_from_plans
from nnunet_cscn.planning.options import merged
from nnunet_cscn.planning.window import pooling_for
from nnunet_cscn.settings.block import Settings
from nnunet_cscn.settings.checks import BLOCK

SMALLEST_FEATURE_MAP = 4  # edge length below which nnU-Net's planner stops pooling
LARGEST = 4096  # no network has more channels or a longer patch: more is a slip of the keyboard


@dataclass(frozen=True)
class Changes:
    """What a derived configuration has otherwise than the one it inherits from.

    Attributes:
        options: Entries of the ``cscn`` block, nested.
        patch_size: Voxels per axis, slowest axis first; a new topology is planned for it.
        window: The same for the cascade, which sees it pooled: by as much as keeps the coarse network at half the cost
            of a U-Net on the inherited patch.
        batch_size: Patches in a batch.
        spacing_mm: Target spacing, slowest axis first. The configuration then has preprocessed data of its own.
        features: Channels at full resolution, doubled from stage to stage up to ``max_features``.
        max_features: Largest number of channels.
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
        """Whether stages and strides have to be planned anew."""
        sizes = (self.patch_size, self.window, self.spacing_mm, self.features, self.max_features)
        return any(size is not None for size in sizes)


def derive_configuration(plans: Mapping[str, Any], base: str, name: str, changes: Changes) -> dict[str, Any]:
    """Return the entry of a new configuration that inherits from ``base``.

    Args:
        plans: nnU-Net's plans.
        base: Name of the configuration to inherit from.
        name: Name of the new one.
        changes: What it has otherwise.

    Returns:
        The entry to store under ``name`` among the plans' configurations. It is nobody's first stage: what nnU-Net
        trains on the predictions of a base such as 3d_lowres goes on taking those of the base.

    Raises:
        UserError: For an unknown base, wrong options, or sizes that do not fit.
    """
    inherited = configuration_from_plans(dict(plans), base)
    _check(changes, inherited)
    entry: dict[str, Any] = {"inherits_from": base}
    if inherited.get("next_stage") is not None:
        entry["next_stage"] = None  # nnU-Net would predict the next stage's input at the end of every training
    Settings.from_configuration(inherited)  # both refuse what does not exist
    block = merged(inherited.get(BLOCK) or {}, changes.options)
    Settings.from_block(block)
    if block:
        entry[BLOCK] = block
    if changes.batch_size is not None:
        entry["batch_size"] = changes.batch_size
    if changes.spacing_mm is not None:
        entry["spacing"] = [float(s) for s in changes.spacing_mm]
        entry["data_identifier"] = f"{_needed(plans, 'plans_name', str)}_{name}"
        sizes = _needed(inherited, "median_image_size_in_voxels", list)
        steps = zip(sizes, inherited["spacing"], entry["spacing"], strict=True)
        entry["median_image_size_in_voxels"] = [float(round(size * old / new)) for size, old, new in steps]
    if changes.need_new_topology:
        patch_size = next(
            size for size in (changes.window, changes.patch_size, _needed(inherited, "patch_size", list)) if size
        )
        spacing = entry.get("spacing", _needed(inherited, "spacing", list))
        entry["patch_size"], entry["architecture"] = _planned(inherited, patch_size, spacing, changes)
        if changes.window is not None:
            strides = entry["architecture"]["arch_kwargs"]["strides"]
            pooling = pooling_for(entry["patch_size"], strides, _needed(inherited, "patch_size", list))
            entry[BLOCK] = merged(block, {"coarse": {"pooling": pooling}})
    # refuses a name that the base inherits from
    configuration_from_plans({"configurations": {**plans["configurations"], name: entry}}, name)
    return entry


def _planned(
    inherited: Mapping[str, Any], patch_size: Sequence[int], spacing: Sequence[float], changes: Changes
) -> tuple[list[int], dict[str, Any]]:
    """Return patch size (rounded up to what the strides divide) and architecture, planned as nnU-Net plans them."""
    from nnunet_cscn.nnunet.planners import get_pool_and_conv_props

    old = _needed(inherited, "architecture", dict)
    kwargs = dict(_needed(old, "arch_kwargs", dict))
    inherited_features = _needed(kwargs, "features_per_stage", list)
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
    """Refuse sizes that make no sense or do not fit the inherited configuration."""
    for option, number in (
        ("--batch-size", changes.batch_size),
        ("--features", changes.features),
        ("--max-features", changes.max_features),
    ):
        if number is not None and not 1 <= number <= LARGEST:
            raise UserError(f"{option}: expected a number from 1 to {LARGEST}, got {number}")
    if changes.window is not None and changes.patch_size is not None:
        raise UserError("--window and --patch-size cannot be used together: the window is the patch of the cascade")
    if changes.window is not None and "pooling" in changes.options.get("coarse", {}):
        raise UserError(
            "--window sets coarse.pooling itself: to set both yourself, use --patch-size and --set coarse.pooling"
        )
    sizes = (
        ("--patch-size", changes.patch_size),
        ("--window", changes.window),
        ("--spacing", changes.spacing_mm),
    )
    for option, numbers in sizes:
        if numbers is None:
            continue
        expected = len(_needed(inherited, "spacing", list))
        if len(numbers) != expected:
            raise UserError(f"{option}: expected {expected} numbers for this configuration, got {len(numbers)}")
        if not all(math.isfinite(n) and n > 0 for n in numbers):
            raise UserError(f"{option}: expected positive numbers, got {', '.join(f'{n:g}' for n in numbers)}")
    for option, patch_size in sizes[:2]:
        if patch_size is not None:
            _check_patch(option, patch_size)


def _check_patch(option: str, patch_size: Sequence[float]) -> None:
    shown = ",".join(map(str, patch_size))
    if max(patch_size) > LARGEST:
        raise UserError(f"{option}: expected at most {LARGEST} voxels along an axis, got {shown}")
    if sum(edge >= SMALLEST_FEATURE_MAP for edge in patch_size) < 2:
        raise UserError(
            f"{option}: expected at least {SMALLEST_FEATURE_MAP} voxels along at least two axes, got {shown}"
        )


def _needed(block: Mapping[str, Any], key: str, kind: type) -> Any:
    """Return what every plan of a U-Net has."""
    value = block.get(key)
    if not isinstance(value, (list, tuple) if kind is list else kind):
        raise UserError(f"the plans have no valid {key}: {MAKE_PLANS}")
    return value
