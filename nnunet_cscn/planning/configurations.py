"""Derive a configuration from another one: other options, another patch, another spacing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nnunet_cscn.errors import UserError
from nnunet_cscn.nnunet_folders import configuration_from_plans
from nnunet_cscn.planning.options import merged
from nnunet_cscn.settings import BLOCK, Settings

SMALLEST_FEATURE_MAP = 4  # edge length below which nnU-Net's planner stops pooling


@dataclass(frozen=True)
class Changes:
    """What a derived configuration has otherwise than the one it inherits from.

    Attributes:
        options: Entries of the ``cscn`` block, nested.
        patch_size: Voxels per axis, slowest axis first; a new topology is planned for it.
        batch_size: Patches in a batch.
        spacing_mm: Target spacing, slowest axis first. The configuration then has preprocessed data of its own.
        features: Channels at full resolution, doubled from stage to stage up to ``max_features``.
        max_features: Largest number of channels.
    """

    options: Mapping[str, Any]
    patch_size: Sequence[int] | None = None
    batch_size: int | None = None
    spacing_mm: Sequence[float] | None = None
    features: int | None = None
    max_features: int | None = None

    @property
    def need_new_topology(self) -> bool:
        """Whether stages and strides have to be planned anew."""
        return any(c is not None for c in (self.patch_size, self.spacing_mm, self.features, self.max_features))


def derive_configuration(plans: Mapping[str, Any], base: str, name: str, changes: Changes) -> dict[str, Any]:
    """Return the entry of a new configuration that inherits from ``base``.

    Args:
        plans: nnU-Net's plans.
        base: Name of the configuration to inherit from.
        name: Name of the new one.
        changes: What it has otherwise.

    Returns:
        The entry to store under ``name`` among the plans' configurations.

    Raises:
        UserError: For an unknown base, wrong options, or sizes that do not fit.
    """
    inherited = configuration_from_plans(dict(plans), base)
    entry: dict[str, Any] = {"inherits_from": base}
    block = merged(inherited.get(BLOCK, {}), changes.options)
    Settings.from_block(block)  # refuses what does not exist
    if block:
        entry[BLOCK] = block
    if changes.batch_size is not None:
        if changes.batch_size < 1:
            raise UserError(f"--batch-size: expected a positive number, got {changes.batch_size}")
        entry["batch_size"] = changes.batch_size
    if changes.spacing_mm is not None:
        _check_length("--spacing", changes.spacing_mm, inherited["spacing"])
        entry["spacing"] = [float(s) for s in changes.spacing_mm]
        entry["data_identifier"] = f"{plans['plans_name']}_{name}"
        old, new = inherited["spacing"], entry["spacing"]
        entry["median_image_size_in_voxels"] = [
            float(round(n * o / s)) for n, o, s in zip(inherited["median_image_size_in_voxels"], old, new, strict=True)
        ]
    if changes.need_new_topology:
        patch_size = changes.patch_size if changes.patch_size is not None else inherited["patch_size"]
        _check_length("--patch-size", patch_size, inherited["spacing"])
        spacing = entry.get("spacing", inherited["spacing"])
        entry["patch_size"], entry["architecture"] = _planned(inherited, patch_size, spacing, changes)
    return entry


def _planned(
    inherited: Mapping[str, Any], patch_size: Sequence[int], spacing: Sequence[float], changes: Changes
) -> tuple[list[int], dict[str, Any]]:
    """Return patch size (rounded up to what the strides divide) and architecture, planned as nnU-Net plans them."""
    from nnunetv2.experiment_planning.experiment_planners.network_topology import get_pool_and_conv_props

    if min(patch_size) < 1 or min(spacing) <= 0:
        raise UserError("--patch-size and --spacing: expected positive numbers")
    _, strides, kernels, padded, _ = get_pool_and_conv_props(spacing, patch_size, SMALLEST_FEATURE_MAP, 999)
    old = inherited["architecture"]
    kwargs = dict(old["arch_kwargs"])
    n_stages = len(strides)
    first = changes.features or kwargs["features_per_stage"][0]
    largest = changes.max_features or max(*kwargs["features_per_stage"], first)
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


def _check_length(option: str, values: Sequence[float], like: Sequence[float]) -> None:
    if len(values) != len(like):
        raise UserError(f"{option}: expected {len(like)} numbers for this configuration, got {len(values)}")
