"""nnU-Net's planner, made to fit both networks of the cascade into the stated GPU memory."""

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
    """Return the size of CSCN's convolution outputs for one patch: the planner's measure of memory.

    The order of the arguments is nnU-Net's.
    """
    # an image of a few voxels has a plan without strides, by which no window can be pooled
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
    with torch.device("meta"):  # shapes only: no memory, no time for weights
        network: Any = build_network(
            "cscn",
            configuration,
            input_channels=input_channels,
            output_channels=output_channels,
            deep_supervision=False,
        )
    return int(network.compute_conv_feature_map_size(patch_size))


class CSCNPlanner(ExperimentPlanner):
    """Plans for CSCN over a plain U-Net.

    Only the estimate of memory differs from nnU-Net's planner, so spacings are the same and preprocessed data of 2d
    and 3d_fullres are shared with the stock plans.
    """

    static_estimate_VRAM_usage = staticmethod(cascade_feature_map_size)  # noqa: N815  nnU-Net's name

    def generate_data_identifier(self, configuration_name: str) -> str:
        """Return the name of the preprocessed data, nnU-Net's own where the data are the same."""
        return _shared_identifier(self.plans_identifier, configuration_name)


class CSCNResEncPlanner(ResEncUNetPlanner):
    """Plans for CSCN over a U-Net with a residual encoder."""

    static_estimate_VRAM_usage = staticmethod(cascade_feature_map_size)  # noqa: N815

    def generate_data_identifier(self, configuration_name: str) -> str:
        """Return the name of the preprocessed data, nnU-Net's own where the data are the same."""
        return _shared_identifier(self.plans_identifier, configuration_name)


def _shared_identifier(plans_identifier: str, configuration_name: str) -> str:
    shared = configuration_name in ("2d", "3d_fullres")
    return f"{'nnUNetPlans' if shared else plans_identifier}_{configuration_name}"
