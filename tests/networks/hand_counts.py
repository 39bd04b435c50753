"""Sizes of all convolution outputs, calculated by hand or by nnU-Net."""

import math

from nnunetv2.utilities.get_network_from_plans import get_network_from_plans

# Different dilations of the rates (1, 2, 4) in each block, by hand: a rate needs a map of 2 * rate + 1 voxels.
# isotropic: maps of 8 (rates 1, 2) and 4 (rate 1); anisotropic: (4, 8, 6) and (2, 4, 3); two stages: (6, 4, 4);
# 2d: (8, 4) and (4, 4). In the anisotropic one, rate 2 is possible in plane alone, rate 4 nowhere.
BRANCHES = {(16, 16, 16): [2, 1], (4, 16, 12): [2, 1], (6, 8, 8): [2], (4, 6, 6): [2], (16, 8): [2, 1]}
# Blocks of these windows: maps of 4 and 2 (rate 1), (2, 4, 4) and (1, 2, 2), (2, 2, 2), (4, 4, 4), (4, 2) and (2, 1).
BRANCHES |= {(8, 8, 8): [1, 1], (2, 8, 8): [1, 1], (2, 4, 4): [1], (4, 8, 8): [1], (8, 4): [1, 1]}


def acdnet_feature_map_size(configuration, classes):
    """Return channels times voxels of all convolutions, for the default settings."""
    kwargs = configuration["architecture"]["arch_kwargs"]
    branches = BRANCHES[tuple(configuration["patch_size"])]
    widths = [max(4, f // 2) for f in kwargs["features_per_stage"]]
    growth = 4  # an eighth of the features would be below the minimum of 4
    size, voxels = configuration["patch_size"], []
    for stride in kwargs["strides"]:
        size = [edge // step for edge, step in zip(size, stride, strict=True)]
        voxels.append(math.prod(size))

    def block(stage, n_branches):
        return (3 * (4 * growth + growth) + n_branches * growth + widths[stage]) * voxels[stage]

    total = widths[0] * voxels[0]
    if len(widths) == 1:
        return total + block(0, branches[0]) + classes * voxels[0]
    for stage in range(1, len(widths)):
        total += widths[stage] * voxels[stage] + block(stage, branches[stage - 1])
    for stage in range(len(widths) - 1):
        views = 3 * max(4, widths[stage] // 2) if len(configuration["patch_size"]) == 3 else widths[stage]
        total += (widths[stage] + views + widths[stage] + classes) * voxels[stage]
    return total


def planned_unet(configuration, channels, classes, *, deep_supervision=True):
    architecture = configuration["architecture"]
    return get_network_from_plans(
        architecture["network_class_name"],
        architecture["arch_kwargs"],
        architecture["_kw_requires_import"],
        channels,
        classes,
        deep_supervision=deep_supervision,
    )


def bunet_feature_map_size(configuration, channels, classes, *, deep_supervision=True):
    if configuration["architecture"]["arch_kwargs"]["n_stages"] == 1:
        features = configuration["architecture"]["arch_kwargs"]["features_per_stage"][0]
        return (2 * features + classes) * math.prod(configuration["patch_size"])  # two convolutions and the head
    planned = planned_unet(configuration, channels, classes, deep_supervision=deep_supervision)
    return planned.compute_conv_feature_map_size(configuration["patch_size"])


def coarse_to_fine_feature_map_size(configuration, channels, classes, block):
    """Return the count of the pooled U-Net plus twice that of a block, because each window gives two blocks."""
    window, kwargs = configuration["patch_size"], configuration["architecture"]["arch_kwargs"]
    n_stages = kwargs["n_stages"] - 1  # the first stride of all these plans is that of their second stage
    first = kwargs["strides"][1]
    convolutions = "n_blocks_per_stage" if "n_blocks_per_stage" in kwargs else "n_conv_per_stage"
    pooled = {
        **kwargs,
        "n_stages": n_stages,
        "features_per_stage": kwargs["features_per_stage"][:n_stages],
        "kernel_sizes": kwargs["kernel_sizes"][1:],
        "strides": [[1] * len(window), *kwargs["strides"][2:]],
        convolutions: [2] * n_stages,
        "n_conv_per_stage_decoder": [1] * (n_stages - 1),
    }
    coarse = {
        "patch_size": [edge // step for edge, step in zip(window, first, strict=True)],
        "architecture": {**configuration["architecture"], "arch_kwargs": pooled},
    }
    second_stage = math.prod(edge // step for edge, step in zip(block, first, strict=True))
    merge = max(4, kwargs["features_per_stage"][1] // 2) * second_stage  # the coarse features enter there
    fine = acdnet_feature_map_size({**configuration, "patch_size": block}, classes) + merge
    return bunet_feature_map_size(coarse, channels, classes) + 2 * fine
