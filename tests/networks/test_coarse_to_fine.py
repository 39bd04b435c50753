import math

import pytest
import torch

from nnunet_cscn.errors import UserError
from nnunet_cscn.networks.coarse_to_fine import CoarseToFineCSCN
from nnunet_cscn.networks.registry import build_network

from .contract import NetworkContract
from .hand_counts import acdnet_feature_map_size, bunet_feature_map_size
from .tiny_plans import PLANS, anisotropic, isotropic, one_stage, planar, two_stages

BLOCKS = {(16, 16, 16): [8, 8, 8], (4, 16, 12): [2, 8, 8], (6, 8, 8): [2, 4, 4], (4, 6, 6): [4, 6, 6], (16, 8): [8, 4]}


def with_blocks(configuration):
    """Return the configuration with blocks that are smaller than its window."""
    fine = {"block_size": BLOCKS[tuple(configuration["patch_size"])], **configuration["cscn"].get("fine", {})}
    return {**configuration, "cscn": {**configuration["cscn"], "fine": fine}}


class TestCoarseToFineCSCN(NetworkContract):
    name = "cscn"
    n_networks = 2
    without_plans = ("one stage",)
    forms_in_one_graph = (True,)  # in prediction it looks where the foreground is
    depends_on_classes = (".seg_layers.", "fine.encoder.stem.0.")  # the fine network sees one channel per class

    def build(self, configuration, **arguments):
        return super().build(with_blocks(configuration), **arguments)

    def sizes_of(self, configuration, batch):
        coarse = {(16, 16, 16): [(8, 8, 8)], (4, 16, 12): [(4, 8, 6)], (6, 8, 8): [(6, 4, 4)], (16, 8): [(8, 4)]}
        fine = {
            (16, 16, 16): [(8, 8, 8), (4, 4, 4)],
            (4, 16, 12): [(2, 8, 8), (2, 4, 4)],
            (6, 8, 8): [(2, 4, 4)],
            (16, 8): [(8, 4), (4, 2)],
        }
        window = tuple(configuration["patch_size"])
        return [[(batch, *size) for size in coarse[window]], [(2 * batch, *size) for size in fine[window]]]

    def expected_feature_map_size(self, configuration, channels, classes):
        """Those of the pooled window's U-Net, and twice those of a block: two blocks are cut out of each window."""
        window, kwargs = configuration["patch_size"], configuration["architecture"]["arch_kwargs"]
        n_stages = kwargs["n_stages"] - 1  # the first stride of all these plans is that of their second stage
        first = kwargs["strides"][1]
        pooled = {
            **kwargs,
            "n_stages": n_stages,
            "features_per_stage": kwargs["features_per_stage"][:n_stages],
            "kernel_sizes": kwargs["kernel_sizes"][1:],
            "strides": [[1] * len(window), *kwargs["strides"][2:]],
            "n_conv_per_stage": [2] * n_stages,
            "n_conv_per_stage_decoder": [1] * (n_stages - 1),
        }
        coarse = {
            "patch_size": [edge // step for edge, step in zip(window, first, strict=True)],
            "architecture": {**configuration["architecture"], "arch_kwargs": pooled},
        }
        block = BLOCKS[tuple(window)]
        merge = max(4, kwargs["features_per_stage"][1] // 2) * math.prod(
            edge // step for edge, step in zip(block, first, strict=True)
        )
        fine = acdnet_feature_map_size({**configuration, "patch_size": block}, classes) + merge
        return bunet_feature_map_size(coarse, channels, classes) + 2 * fine

    def logits_of(self, output):
        _fused, coarse, fine, _origins = output
        return [coarse, fine]

    def switch(self, network, enabled):
        network.deep_supervision = enabled


def build(configuration, **arguments) -> CoarseToFineCSCN:
    network = TestCoarseToFineCSCN().build(configuration, **arguments)
    assert isinstance(network, CoarseToFineCSCN)
    return network
