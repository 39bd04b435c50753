"""Configurations in the format of nnU-Net's plans, with few channels and voxels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nnunet_cscn.networks.plans import Topology, architecture_of

UNETS = "dynamic_network_architectures.architectures.unet"


def configuration(
    patch_size: Sequence[int],
    strides: Sequence[Sequence[int]],
    kernels: Sequence[Sequence[int]],
    features: Sequence[int],
    *,
    residual: bool = False,
    cscn: dict[str, Any] | None = None,
) -> dict[str, Any]:
    n_stages, dimensions = len(features), len(patch_size)
    convolutions = "n_blocks_per_stage" if residual else "n_conv_per_stage"
    return {
        "patch_size": list(patch_size),
        "architecture": {
            "network_class_name": f"{UNETS}.{'ResidualEncoderUNet' if residual else 'PlainConvUNet'}",
            "arch_kwargs": {
                "n_stages": n_stages,
                "features_per_stage": list(features),
                "conv_op": f"torch.nn.modules.conv.Conv{dimensions}d",
                "kernel_sizes": [list(k) for k in kernels],
                "strides": [list(s) for s in strides],
                convolutions: [2] * n_stages,
                "n_conv_per_stage_decoder": [1] * (n_stages - 1),
                "conv_bias": True,
                "norm_op": f"torch.nn.modules.instancenorm.InstanceNorm{dimensions}d",
                "norm_op_kwargs": {"eps": 1e-5, "affine": True},
                "dropout_op": None,
                "dropout_op_kwargs": None,
                "nonlin": "torch.nn.LeakyReLU",
                "nonlin_kwargs": {"inplace": True},
            },
            "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
        },
        "cscn": cscn or {},
    }


def isotropic(**options: Any) -> dict[str, Any]:
    strides = [(1, 1, 1), (2, 2, 2), (2, 2, 2)]
    return configuration((16, 16, 16), strides, [(3, 3, 3)] * 3, (4, 8, 12), **options)


def anisotropic(**options: Any) -> dict[str, Any]:
    strides = [(1, 1, 1), (1, 2, 2), (2, 2, 2)]
    kernels = [(1, 3, 3), (3, 3, 3), (3, 3, 3)]
    return configuration((4, 16, 12), strides, kernels, (4, 8, 12), **options)


def two_stages(**options: Any) -> dict[str, Any]:
    return configuration((6, 8, 8), [(1, 1, 1), (1, 2, 2)], [(3, 3, 3)] * 2, (4, 8), **options)


def one_stage(**options: Any) -> dict[str, Any]:
    return configuration((4, 6, 6), [(1, 1, 1)], [(3, 3, 3)], (4,), **options)


def planar(**options: Any) -> dict[str, Any]:
    return configuration((16, 8), [(1, 1), (2, 2), (2, 1)], [(3, 3)] * 3, (4, 8, 12), **options)


PLANS = {
    "isotropic": isotropic,
    "isotropic, residual encoder": lambda: isotropic(residual=True),
    "anisotropic": anisotropic,
    "anisotropic, residual encoder": lambda: anisotropic(residual=True),
    "two stages": two_stages,
    "one stage": one_stage,
    "2d": planar,
}


def unequal_stages(*, residual=False):
    """Return a plan in which all stages are different."""
    strides = [(1, 1, 1), (1, 2, 2), (2, 2, 2), (1, 2, 2)]
    kernels = [(1, 3, 3), (1, 5, 5), (3, 3, 3), (3, 5, 3)]
    plan = configuration((8, 32, 16), strides, kernels, (4, 6, 8, 10), residual=residual)
    kwargs = plan["architecture"]["arch_kwargs"]
    kwargs["n_blocks_per_stage" if residual else "n_conv_per_stage"] = [1, 2, 3, 4]
    return plan


def read(plan) -> Topology:
    """Return the topology of a plan."""
    return Topology.from_architecture(architecture_of(plan), plan["patch_size"])
