import math

import pytest
import torch
from torch import nn

from nnunet_cscn.networks.atrous_dense import AtrousPyramid
from nnunet_cscn.networks.registry import build_network
from nnunet_cscn.networks.residual import ResidualStage

from .contract import NetworkContract
from .tiny_plans import configuration, isotropic


def plan_of(configuration):
    kwargs = configuration["architecture"]["arch_kwargs"]
    size, voxels = configuration["patch_size"], []
    for stride in kwargs["strides"]:
        size = [edge // step for edge, step in zip(size, stride, strict=True)]
        voxels.append(math.prod(size))
    return kwargs["features_per_stage"], voxels


def decoder_size(widths, voxels, classes, convolutions):
    """Count the transposed convolution, the stage's own outputs and the head of every stage but the last."""
    stages = range(len(widths) - 1)
    if not stages:
        return classes * voxels[0]
    return sum((widths[s] + convolutions(s) * widths[s] + classes) * voxels[s] for s in stages)


class TestVNet(NetworkContract):
    name = "vnet"

    def expected_feature_map_size(self, configuration, channels, classes):
        """Count 1, 2, 3 convolutions per stage, plus a strided one or a shortcut."""
        widths, voxels = plan_of(configuration)
        encoder = sum((min(s + 1, 3) + 1) * widths[s] * voxels[s] for s in range(len(widths)))
        return encoder + decoder_size(widths, voxels, classes, lambda s: min(s + 1, 3) + 1)


# Different rates that fit the deepest map, by hand, for kernels of 3. Of CNN's 1, 2 and 4: a map of 4 takes 1 alone,
# one of 6 (two stages along z, one stage in plane) 2 as well. Of DeepLab's 1 and shares 6/33, 12/33, 18/33 of the map:
# 4 takes 1 alone, 6 takes 1, 2 and 3, which is cut to (6 - 1) // 2.
CNN_BRANCHES = {(16, 16, 16): 1, (4, 16, 12): 1, (6, 8, 8): 2, (4, 6, 6): 2, (16, 8): 1}
DEEPLAB_BRANCHES = {(16, 16, 16): 1, (4, 16, 12): 1, (6, 8, 8): 2, (4, 6, 6): 2, (16, 8): 1}


class TestCNN(NetworkContract):
    name = "cnn"

    def expected_feature_map_size(self, configuration, channels, classes):
        """Count two convolutions per stage, a 1x1x1 long-range one, pyramid and fusion."""
        widths, voxels = plan_of(configuration)
        encoder = sum((2 + (s > 0)) * widths[s] * voxels[s] for s in range(len(widths)))
        pyramid = (4 * CNN_BRANCHES[tuple(configuration["patch_size"])] + widths[-1]) * voxels[-1]
        return encoder + pyramid + decoder_size(widths, voxels, classes, lambda s: 1)


class TestDeepLab(NetworkContract):
    name = "deeplab"

    def n_scales(self, strides):
        return 1

    def expected_feature_map_size(self, configuration, channels, classes):
        """Count two convolutions and a shortcut per stage, pyramid, projection, and the decoder."""
        widths, voxels = plan_of(configuration)
        low = max(0, len(widths) - 2)  # the last stage but one in these short plans
        backbone = sum(3 * widths[s] * voxels[s] for s in range(len(widths)))
        pyramid = (4 * DEEPLAB_BRANCHES[tuple(configuration["patch_size"])] + widths[-1]) * voxels[-1]
        decoder = (max(4, widths[low] // 2) + 2 * widths[-1] + classes) * voxels[low]
        return backbone + pyramid + decoder


def build(name, plan) -> nn.Module:
    torch.manual_seed(0)
    return build_network(name, plan, input_channels=1, output_channels=2, deep_supervision=False)


def deep_plan():
    """Return a plan with strides 1, 2, 2, 2, 2, 2 along all axes, as in a real plan."""
    strides = [(1, 1, 1)] + [(2, 2, 2)] * 5
    return configuration((64, 64, 64), strides, [(3, 3, 3)] * 6, (4, 4, 8, 8, 8, 8))


def test_deeplab_stays_at_an_eighth_and_dilates_behind_it():
    encoder = build("deeplab", deep_plan()).encoder
    assert encoder.strides == [(1, 1, 1), (2, 2, 2), (2, 2, 2), (2, 2, 2), (1, 1, 1), (1, 1, 1)]
    dilations = [stage.layers[0].dilation for stage in encoder.stages]
    assert dilations == [(1, 1, 1)] * 4 + [(2, 2, 2), (3, 3, 3)]  # 4 would be too large for a map of 8
    with torch.no_grad():
        assert encoder(torch.zeros(1, 1, 64, 64, 64))[-1].shape[2:] == (8, 8, 8)


def test_deeplab_sees_early_features_at_a_quarter_and_shares_of_the_map():
    network = build("deeplab", deep_plan())
    assert network.low == 2
    (pyramid,) = (module for module in network.modules() if isinstance(module, AtrousPyramid))
    assert [branch.dilation[0] for branch in pyramid.branches] == [1, 3]  # 8 * 6/33 = 1, 8 * 12/33 = 3, 4 cut to 3


def test_vnet_has_up_to_three_convolutions_in_each_residual_stage():
    network = build("vnet", deep_plan())
    first, *lower = network.encoder
    stages = [first, *(residual for _, residual in lower)]
    counts = [sum(isinstance(layer, nn.Conv3d) for layer in stage.layers) for stage in stages]
    assert counts == [1, 2, 3, 3, 3, 3]
    assert all(isinstance(stage.shortcut, nn.Identity) for stage in stages[1:])
    assert [down[0].kernel_size for down, _ in lower] == [(2, 2, 2)] * 5


def test_a_residual_stage_without_its_convolutions_is_the_activation_of_its_input():
    (stage, *_) = (m for m in build("vnet", isotropic()).modules() if isinstance(m, ResidualStage))
    stage.shortcut = nn.Identity()
    for layer in stage.layers:
        if isinstance(layer, (nn.Conv3d, nn.InstanceNorm3d)):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
    x = torch.randn(1, 4, 4, 4, 4)
    with torch.no_grad():
        seen = stage.activation(stage.layers(torch.randn(1, 1, 4, 4, 4)) + stage.shortcut(x))
    assert torch.equal(seen, nn.functional.leaky_relu(x))


def test_cnn_carries_the_first_convolution_to_every_later_stage():
    network = build("cnn", isotropic())
    encoder = network.encoder
    for stage in encoder.stages:  # set the outputs of the stages to zero
        stage.register_forward_hook(lambda module, inputs, output: torch.zeros_like(output))
    image = torch.randn(1, 1, 16, 16, 16)
    with torch.no_grad():
        first = encoder.first(image)
        _, second, _ = encoder(image)
        by_hand = first.reshape(1, 4, 8, 2, 8, 2, 8, 2).mean(dim=(3, 5, 7))
        torch.testing.assert_close(second, encoder.long_range[0][1](by_hand))


def test_cnn_gives_the_mean_of_the_maps_of_all_scales():
    network = build("cnn", isotropic()).eval()
    image = torch.randn(1, 1, 16, 16, 16)
    with torch.no_grad():
        final = network(image)
        network.decoder.fuses_scales, network.decoder.deep_supervision = False, True
        full, lower = network(image)
    raised = nn.functional.interpolate(lower, size=full.shape[2:], mode="trilinear")
    torch.testing.assert_close(final, (full + raised) / 2)


@pytest.mark.parametrize("name", ["vnet", "deeplab", "cnn"])
def test_a_plan_with_batch_normalisation_is_built_with_it(name):
    plan = isotropic()
    kwargs = plan["architecture"]["arch_kwargs"]
    kwargs["norm_op"], kwargs["nonlin"] = "torch.nn.modules.batchnorm.BatchNorm3d", "torch.nn.ReLU"
    kinds = {type(module) for module in build(name, plan).modules()}
    assert {nn.BatchNorm3d, nn.ReLU} <= kinds
    assert not {nn.InstanceNorm3d, nn.LeakyReLU} & kinds
