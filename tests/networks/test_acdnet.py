import pytest
import torch

from nnunet_cscn.networks.acdnet import ACDNet
from nnunet_cscn.networks.blocks import AtrousDenseBlock, AtrousPyramid, DenseLayer, ViewFusion
from nnunet_cscn.networks.registry import build_network

from .contract import NetworkContract
from .hand_counts import acdnet_feature_map_size
from .tiny_plans import anisotropic, isotropic, one_stage, planar, two_stages


class TestACDNet(NetworkContract):
    name = "acdnet"

    def expected_feature_map_size(self, configuration, channels, classes):
        return acdnet_feature_map_size(configuration, classes)


def build(configuration, **fine) -> ACDNet:
    torch.manual_seed(0)
    configuration["cscn"] = {"fine": fine}
    network = build_network("acdnet", configuration, input_channels=1, output_channels=2, deep_supervision=True)
    assert isinstance(network, ACDNet)
    return network


def modules_of(network, kind):
    return [module for module in network.modules() if isinstance(module, kind)]


def test_every_stage_below_full_resolution_is_a_dense_block_with_a_pyramid():
    network = build(isotropic(), dense_layers=5)
    assert len(modules_of(network, AtrousDenseBlock)) == 2
    assert len(modules_of(network, DenseLayer)) == 10
    assert len(modules_of(network, AtrousPyramid)) == 2
    assert not modules_of(network.encoder.stem, AtrousDenseBlock)


def test_a_plan_of_one_stage_has_its_block_at_full_resolution():
    assert len(modules_of(build(one_stage()), AtrousDenseBlock)) == 1


def test_every_decoder_stage_fuses_the_three_views():
    fusions = modules_of(build(isotropic()), ViewFusion)
    assert len(fusions) == 2
    for fusion in fusions:
        assert [view.kernel_size for view in fusion.views] == [(1, 3, 3), (3, 1, 3), (3, 3, 1)]


def test_a_planned_kernel_of_1_stays_1_in_all_views():
    full_resolution = modules_of(build(anisotropic()), ViewFusion)[-1]
    assert [view.kernel_size for view in full_resolution.views] == [(1, 3, 3), (1, 1, 3), (1, 3, 1)]


def test_in_two_dimensions_there_is_one_view():
    assert [len(fusion.views) for fusion in modules_of(build(planar()), ViewFusion)] == [1, 1]


def test_rates_fall_back_to_1_where_the_map_is_too_short():
    pyramids = modules_of(build(anisotropic()), AtrousPyramid)  # maps of (4, 8, 6) and (2, 4, 3) voxels
    assert [[b.dilation for b in p.branches] for p in pyramids] == [[(1, 1, 1), (1, 2, 2)], [(1, 1, 1)]]


def test_widths_follow_the_plan_and_the_settings():
    network = build(two_stages(), width=2.0, growth=1.0, bottleneck=3)
    assert network.encoder.stem[0].out_channels == 8
    layer = modules_of(network, DenseLayer)[0]
    convolutions = modules_of(layer, torch.nn.Conv3d)
    assert [(c.in_channels, c.out_channels) for c in convolutions] == [(16, 24), (24, 8)]


@pytest.mark.parametrize("plan", [isotropic, one_stage, planar])
def test_checkpointing_changes_neither_output_nor_gradients(plan):
    results = []
    for checkpointing in (True, False):
        network = build(plan(), checkpointing=checkpointing)
        outputs = network(TestACDNet().image(plan()))
        sum(logits.square().sum() for logits in outputs).backward()
        results.append([*outputs, *(p.grad for p in network.parameters())])
    for with_it, without in zip(*results, strict=True):
        torch.testing.assert_close(with_it, without)


def test_batch_normalisation_counts_every_batch_once():
    configuration = isotropic()
    configuration["architecture"]["arch_kwargs"]["norm_op"] = "torch.nn.BatchNorm3d"
    network = build(configuration, checkpointing=True)
    sum(logits.square().sum() for logits in network(TestACDNet().image(configuration, batch=2))).backward()
    assert {m.num_batches_tracked.item() for m in modules_of(network, torch.nn.BatchNorm3d)} == {1}
