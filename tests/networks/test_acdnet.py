import pytest
import torch

from nnunet_cscn.networks.acdnet import ACDNet
from nnunet_cscn.networks.atrous_dense import AtrousDenseBlock, AtrousPyramid, DenseLayer
from nnunet_cscn.networks.plans import Topology, architecture_of
from nnunet_cscn.networks.registry import build_network
from nnunet_cscn.networks.view_fusion import ViewFusion
from nnunet_cscn.settings.fine import FineSettings

from .contract import NetworkContract
from .hand_counts import acdnet_feature_map_size
from .tiny_plans import PLANS, anisotropic, isotropic, one_stage, planar, two_stages


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


FAST = {"growth": 0.25, "dense_layers": 2, "bottleneck": 0, "pyramid_width": 1, "activation": "after", "skips": "add"}


@pytest.mark.parametrize("fine", [{}, FAST])
@pytest.mark.parametrize("plan", [isotropic, one_stage, planar])
def test_checkpointing_changes_neither_output_nor_gradients(plan, fine):
    results = []
    for checkpointing in (True, False):
        network = build(plan(), **fine, checkpointing=checkpointing)
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


@pytest.mark.parametrize("option", [*({name: value} for name, value in FAST.items()), {"skips": "reduce"}, FAST])
@pytest.mark.parametrize("plan", PLANS)
def test_each_option_trains_every_parameter_and_keeps_the_sizes(plan, option):
    network, image = build(PLANS[plan](), **option), TestACDNet().image(PLANS[plan](), batch=2)
    outputs = network(image)
    assert [logits.shape for logits in outputs] == [logits.shape for logits in build(PLANS[plan]())(image)]
    sum(logits.square().mean() for logits in outputs).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def test_a_layer_without_bottleneck_is_one_convolution_of_all_features():
    layers = modules_of(build(isotropic(), bottleneck=0), DenseLayer)
    shapes = [[(c.in_channels, c.out_channels) for c in modules_of(layer, torch.nn.Conv3d)] for layer in layers[:3]]
    assert shapes == [[(4, 4)], [(8, 4)], [(12, 4)]]


@pytest.mark.parametrize(("width", "reads"), [(None, 16), (2, 8), (0.1, 4)])
def test_the_pyramid_reads_as_many_channels_as_asked(width, reads):
    pyramid = modules_of(build(isotropic(), pyramid_width=width), AtrousPyramid)[0]
    assert [branch.in_channels for branch in pyramid.branches] == [reads] * 2


@pytest.mark.parametrize("width", [None, 1])
def test_activation_after_normalises_new_channels_alone_and_before_all(width):
    for activation, expected in (("after", [4, 4, 4]), ("before", [4, 8, 12])):
        block = modules_of(
            build(isotropic(), bottleneck=0, activation=activation, pyramid_width=width), AtrousDenseBlock
        )[0]
        assert [layer.layers[activation == "after"].num_features for layer in block.dense_layers] == expected


@pytest.mark.parametrize(("skips", "reads"), [("concatenate", [16, 8]), ("reduce", [8, 4]), ("add", [8, 4])])
def test_the_views_read_what_the_skips_leave(skips, reads):
    fusions = modules_of(build(isotropic(), width=1.0, skips=skips), ViewFusion)
    assert [{view.in_channels for view in fusion.views} for fusion in fusions] == [{n} for n in reads]
    assert [len(modules_of(fusion.reduce, torch.nn.Conv3d)) for fusion in fusions] == [int(skips == "reduce")] * 2


def test_an_added_skip_reaches_the_output():
    network, image = build(isotropic(), skips="add"), TestACDNet().image(isotropic())
    skips = [skip.detach().requires_grad_() for skip in network.encoder(image)]
    network.decoder(skips)[0].square().sum().backward()
    assert all(skip.grad.abs().sum() > 0 for skip in skips)


def with_context(configuration, *, channels=5) -> ACDNet:
    torch.manual_seed(0)
    topology = Topology.from_architecture(architecture_of(configuration), configuration["patch_size"])
    return ACDNet(topology, 1, 2, FineSettings(), context_channels=channels, deep_supervision=True)


CONTEXTS = [(isotropic, (8, 8, 8)), (anisotropic, (4, 8, 6)), (two_stages, (6, 4, 4)), (planar, (8, 4))]


@pytest.mark.parametrize(("plan", "size"), [*CONTEXTS, (one_stage, (4, 6, 6))])
def test_a_context_comes_in_at_the_second_stage(plan, size):
    network, image = with_context(plan()), TestACDNet().image(plan(), batch=2)
    assert network.encoder.context_size(tuple(plan()["patch_size"])) == size
    context = torch.randn(2, 5, *size, requires_grad=True)
    outputs = network(image, context)
    assert [logits.shape for logits in outputs] == [logits.shape for logits in build(plan())(image)]
    sum(logits.square().mean() for logits in outputs).backward()
    assert context.grad.isfinite().all()
    assert context.grad.abs().sum() > 0
    assert all(p.grad is not None for p in network.parameters())


@pytest.mark.parametrize(("plan", "size"), CONTEXTS)
def test_full_resolution_does_not_see_the_context_and_all_below_does(plan, size):
    network, image = with_context(plan()).eval(), TestACDNet().image(plan())
    with torch.no_grad():
        first, second = (network.encoder(image, torch.full((1, 5, *size), value)) for value in (0.0, 1.0))
        assert torch.equal(first[0], second[0])
        assert not any(torch.equal(one, other) for one, other in zip(first[1:], second[1:], strict=True))
        outputs = [network(image, torch.full((1, 5, *size), value))[0] for value in (0.0, 1.0)]
    assert not torch.equal(*outputs)


def test_a_context_of_another_size_or_width_is_refused():
    network, image = with_context(isotropic()), TestACDNet().image(isotropic())
    with pytest.raises(RuntimeError, match="Sizes of tensors must match"):
        network(image, torch.zeros(1, 5, 16, 16, 16))
    with pytest.raises(RuntimeError, match="channels"):
        network(image, torch.zeros(1, 4, 8, 8, 8))


def test_a_network_without_a_context_has_no_weights_for_it():
    assert not any(".merge." in name for name, _ in build(isotropic()).named_parameters())
    merging = [name for name, _ in with_context(isotropic()).named_parameters() if ".merge." in name]
    assert merging
