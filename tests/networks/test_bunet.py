import torch

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
        assert torch.equal(ours(image)[0], stock(image)[0])


def test_a_single_stage_has_the_planned_convolutions_and_one_head():
    network = TestBUNet().build(one_stage(), classes=3)
    convolutions = [m for m in network.modules() if isinstance(m, torch.nn.Conv3d)]
    assert [c.kernel_size for c in convolutions] == [(3, 3, 3), (3, 3, 3), (1, 1, 1)]
