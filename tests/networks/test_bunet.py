import pytest
import torch
from torch import nn

from .contract import NetworkContract
from .hand_counts import bunet_feature_map_size, planned_unet
from .tiny_plans import isotropic, one_stage


class TestBUNet(NetworkContract):
    name = "bunet"

    def expected_feature_map_size(self, configuration, channels, classes):
        return bunet_feature_map_size(configuration, channels, classes)


def test_it_is_nnunets_own_network_so_that_checkpoints_are_interchangeable():
    ours, stock = TestBUNet().build(isotropic(residual=True)), planned_unet(isotropic(residual=True), 1, 2)
    ours.load_state_dict(stock.state_dict())
    image = TestBUNet().image(isotropic())
    with torch.no_grad():
        torch.testing.assert_close(ours(image)[0], stock(image)[0])


def test_a_single_stage_has_the_planned_convolutions_and_one_head():
    network = TestBUNet().build(one_stage(), classes=3)
    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv3d)]
    assert [c.kernel_size for c in convolutions] == [(3, 3, 3), (3, 3, 3), (1, 1, 1)]


@pytest.mark.parametrize(("residual", "key"), [(False, "n_conv_per_stage"), (True, "n_blocks_per_stage")])
@pytest.mark.parametrize(("planned", "convolutions"), [([3], 3), ([1], 1), (4, 4), (None, 2)])
def test_a_single_stage_has_as_many_convolutions_as_the_plan_says(residual, key, planned, convolutions):
    configuration = one_stage(residual=residual)
    kwargs = configuration["architecture"]["arch_kwargs"]
    del kwargs[key]
    if planned is not None:
        kwargs[key] = planned
    network = TestBUNet().build(configuration)
    assert sum(isinstance(m, nn.Conv3d) for m in network.encoder.modules()) == convolutions


def test_a_single_stage_starts_from_nnunets_initial_weights():
    configuration = one_stage()
    configuration["architecture"]["arch_kwargs"]["features_per_stage"] = [64]
    network = TestBUNet().build(configuration)
    for module in network.modules():
        if not isinstance(module, nn.Conv3d):
            continue
        assert module.bias.abs().max() == 0
        fan_in = module.weight[0].numel()
        # He et al. 2015 for a leaky ReLU of slope 0.01; torch's own default has a third of the variance, 1 / (3 fan_in)
        assert module.weight.var().item() * fan_in == pytest.approx(2 / (1 + 0.01**2), rel=0.25)
