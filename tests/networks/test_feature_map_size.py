import pytest
import torch
from torch import nn

from nnunet_cscn.networks.memory import conv_feature_map_size
from nnunet_cscn.networks.registry import build_network

from .tiny_plans import anisotropic, isotropic, planar


@pytest.mark.parametrize("deep_supervision", [True, False])
@pytest.mark.parametrize("plan", [isotropic, anisotropic, planar])
def test_the_count_of_a_plain_unet_is_nnunets_own(plan, deep_supervision):
    configuration = plan()
    unet = build_network("bunet", configuration, input_channels=2, output_channels=3, deep_supervision=deep_supervision)
    size = configuration["patch_size"]
    assert conv_feature_map_size(unet, 2, size) == unet.compute_conv_feature_map_size(size)


def test_only_convolutions_count_with_their_strides_and_channels():
    network = nn.Sequential(
        nn.Conv3d(1, 5, 3, padding=1), nn.ReLU(), nn.Conv3d(5, 2, 2, stride=2), nn.ConvTranspose3d(2, 3, 2, 2)
    )
    assert conv_feature_map_size(network, 1, (4, 4, 4)) == 5 * 64 + 2 * 8 + 3 * 64


def test_the_network_is_left_as_it_is():
    network = nn.Conv2d(1, 1, 1)
    conv_feature_map_size(network, 1, (8, 8))
    assert network.weight.device.type == "cpu"
    assert not network._forward_hooks
    assert network(torch.zeros(1, 1, 2, 2)).isfinite().all()


def test_a_huge_patch_costs_nothing():
    assert conv_feature_map_size(nn.Conv3d(1, 1000, 1), 1, (4096, 4096, 4096)) == 1000 * 4096**3
