"""nnU-Net's planner, with a memory estimate for both networks of the cascade."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from nnunet_cscn.networks.registry import build_network
from nnunet_cscn.nnunet.planners import ExperimentPlanner, ResEncUNetPlanner

PLANS_NAME = "nnUNetCSCNPlans"
RESIDUAL_PLANS_NAME = "nnUNetCSCNResEncPlans"


def cascade_feature_map_size(
    patch_size: Sequence[int],
    input_channels: int,
    output_channels: int,
    class_name: str,
    kwargs: Mapping[str, Any],
    requires_import: Sequence[str],
) -> int:
    """Return the size of all convolution outputs of CSCN for one patch, as a measure of memory.

    nnU-Net prescribes the order of the arguments.
    """
    # the plan of a very small image has no strides, so the window cannot be pooled
    is_strided = any(max(stride if isinstance(stride, (list, tuple)) else [stride]) > 1 for stride in kwargs["strides"])
    configuration = {
        "cscn": {"coarse": {"resolution": "pooled" if is_strided else "full"}},
        "patch_size": list(patch_size),
        "architecture": {
            "network_class_name": class_name,
            "arch_kwargs": kwargs,
            "_kw_requires_import": requires_import,
        },
    }
    with torch.device("meta"):  # shapes only, without memory for weights
        network: Any = build_network(
            "cscn",
            configuration,
            input_channels=input_channels,
            output_channels=output_channels,
            deep_supervision=False,
        )
    return int(network.compute_conv_feature_map_size(patch_size))


class CSCNPlanner(ExperimentPlanner):
    """Planner for CSCN with a plain U-Net as coarse network.

    Only the memory estimate differs from nnU-Net's planner. So the spacings are the same, and 2d and 3d_fullres share
    their preprocessed data with the stock plans.
    """

    static_estimate_VRAM_usage = staticmethod(cascade_feature_map_size)  # noqa: N815  nnU-Net's name

    def generate_data_identifier(self, configuration_name: str) -> str:
        """Return the name of the preprocessed data: that of nnU-Net's plans if the data are the same."""
        return _shared_identifier(self.plans_identifier, configuration_name)


class CSCNResEncPlanner(ResEncUNetPlanner):
    """Planner for CSCN with a residual encoder U-Net as coarse network."""

    static_estimate_VRAM_usage = staticmethod(cascade_feature_map_size)  # noqa: N815

    def generate_data_identifier(self, configuration_name: str) -> str:
        """Return the name of the preprocessed data: that of nnU-Net's plans if the data are the same."""
        return _shared_identifier(self.plans_identifier, configuration_name)


def _shared_identifier(plans_identifier: str, configuration_name: str) -> str:
    shared = configuration_name in ("2d", "3d_fullres")
    return f"{'nnUNetPlans' if shared else plans_identifier}_{configuration_name}"
