"""Read the architecture of an nnU-Net plan. No other module reads these keys."""

from __future__ import annotations

import pydoc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from nnunet_cscn.errors import UserError
from nnunet_cscn.networks.instance_norm import FASTER_NORM

Extent = tuple[int, ...]


@dataclass(frozen=True)
class Architecture:
    """The architecture entry of a plan, in the form that nnU-Net uses."""

    class_name: str
    kwargs: Mapping[str, Any]
    requires_import: Sequence[str]


@dataclass(frozen=True)
class Topology:
    """The U-Net of a plan, stage by stage from full resolution down.

    Attributes:
        features: Channels of each stage.
        kernel_sizes: Convolution kernel of each stage, per axis.
        strides: Stride at the start of each stage, per axis.
        blocks: Number of convolutions, or of residual blocks, of each encoder stage.
        patch_size: Voxels per axis of the training patch.
        conv: The convolution class, ``Conv2d`` or ``Conv3d``.
        conv_bias: Whether convolutions have a bias.
        norm: The normalisation class, or None.
        norm_kwargs: Its arguments.
        nonlin: The activation class, or None.
        nonlin_kwargs: Its arguments.
    """

    features: tuple[int, ...]
    kernel_sizes: tuple[Extent, ...]
    strides: tuple[Extent, ...]
    blocks: tuple[int, ...]
    patch_size: Extent
    conv: type[nn.Module]
    conv_bias: bool
    norm: type[nn.Module] | None
    norm_kwargs: Mapping[str, Any]
    nonlin: type[nn.Module] | None
    nonlin_kwargs: Mapping[str, Any]

    @property
    def n_stages(self) -> int:
        """Number of resolution stages."""
        return len(self.features)

    @property
    def dimensions(self) -> int:
        """2 or 3: whether the network is 2D or 3D."""
        return len(self.patch_size)

    def stage_size(self, stage: int) -> Extent:
        """Voxels per axis of the training patch at ``stage``."""
        size = self.patch_size
        for strides in self.strides[: stage + 1]:
            size = tuple(max(1, edge // stride) for edge, stride in zip(size, strides, strict=True))
        return size

    @classmethod
    def from_architecture(cls, architecture: Architecture, patch_size: Sequence[int]) -> Topology:
        """Read the topology of a U-Net plan, with a plain or residual encoder.

        Raises:
            UserError: If a key is missing that every U-Net plan has, as in the plan of a transformer.
        """
        kwargs = architecture.kwargs
        needed = ("n_stages", "features_per_stage", "kernel_sizes", "strides", "conv_op")
        if missing := [key for key in needed if key not in kwargs]:
            raise UserError(
                f"the plan's network {architecture.class_name} has no {', '.join(missing)}: CSCN needs the plans "
                "of a U-Net; choose plans made by nnUNetv2_plan_experiment or `cscn plan`"
            )
        n_stages = int(kwargs["n_stages"])
        dimensions = len(patch_size)
        conv = _import_class(kwargs["conv_op"])
        if conv is None or conv.__name__ != f"Conv{dimensions}d":
            raise UserError(
                f"conv_op {kwargs['conv_op']} does not fit a patch with {dimensions} dimensions; make new plans"
            )
        return cls(
            features=tuple(int(f) for f in _per_stage(kwargs["features_per_stage"], n_stages)),
            kernel_sizes=tuple(_extent(k, dimensions) for k in _per_stage(kwargs["kernel_sizes"], n_stages)),
            strides=tuple(_extent(s, dimensions) for s in _per_stage(kwargs["strides"], n_stages)),
            blocks=tuple(int(n) for n in _per_stage(_blocks(kwargs), n_stages)),
            patch_size=tuple(int(edge) for edge in patch_size),
            conv=conv,
            conv_bias=bool(kwargs.get("conv_bias", False)),
            norm=_import_class(kwargs.get("norm_op")),
            norm_kwargs=dict(kwargs.get("norm_op_kwargs") or {}),
            nonlin=_import_class(kwargs.get("nonlin")),
            nonlin_kwargs=dict(kwargs.get("nonlin_kwargs") or {}),
        )


def architecture_of(configuration: Mapping[str, Any]) -> Architecture:
    """Return the architecture entry of a configuration in nnU-Net's plans, with our normalisation in place of torch's.

    Raises:
        UserError: If there is no such entry.
    """
    try:
        entry = configuration["architecture"]
        name, kwargs, requires_import = (
            entry[key] for key in ("network_class_name", "arch_kwargs", "_kw_requires_import")
        )
    except KeyError as missing:
        raise UserError(f"the plan's architecture has no {missing}: make new plans with `cscn plan`") from None
    if (norm := FASTER_NORM.get(_import_class(kwargs.get("norm_op")))) is not None:  # type: ignore[arg-type]
        kwargs = {**kwargs, "norm_op": f"{norm.__module__}.{norm.__qualname__}"}
    return Architecture(name, kwargs, requires_import)


def _blocks(kwargs: Mapping[str, Any]) -> Any:
    """Return the convolutions or residual blocks per stage; 2, nnU-Net's default, if the plan gives none."""
    return kwargs.get("n_conv_per_stage", kwargs.get("n_blocks_per_stage", 2))


def _per_stage(value: Any, n_stages: int) -> Sequence[Any]:
    values = value if isinstance(value, (list, tuple)) else [value] * n_stages
    if len(values) != n_stages:
        raise UserError(f"the plan has {n_stages} stages, but {len(values)} entries in {value}: correct the plans")
    return values


def _extent(value: Any, dimensions: int) -> Extent:
    edges = tuple(value) if isinstance(value, (list, tuple)) else (value,) * dimensions
    if len(edges) != dimensions:
        raise UserError(
            f"the patch of the plan has {dimensions} dimensions, but the kernel or stride of a stage is {value}"
        )
    return tuple(int(edge) for edge in edges)


def _import_class(name: Any) -> type[nn.Module] | None:
    if name is None or isinstance(name, type):
        return name
    found = pydoc.locate(name)
    if not isinstance(found, type):
        raise UserError(f"{name}, which the plan uses, cannot be imported: install its package, or choose other plans")
    return found
