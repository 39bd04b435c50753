import pytest
import torch

from nnunet_cscn.errors import UserError
from nnunet_cscn.networks.coarse_to_fine import CoarseToFineCSCN
from nnunet_cscn.networks.registry import build_network

from .contract import NetworkContract
from .hand_counts import coarse_to_fine_feature_map_size
from .tiny_plans import anisotropic, isotropic, one_stage, planar, two_stages
from .watching import averaged, recorded_inputs, recorded_outputs, sliced, upsampled

BLOCKS = {(16, 16, 16): [8, 8, 8], (4, 16, 12): [2, 8, 8], (6, 8, 8): [2, 4, 4], (4, 6, 6): [4, 6, 6], (16, 8): [8, 4]}


def with_blocks(configuration):
    """Return the configuration with blocks smaller than its window."""
    fine = {"block_size": BLOCKS[tuple(configuration["patch_size"])], **configuration["cscn"].get("fine", {})}
    return {**configuration, "cscn": {**configuration["cscn"], "fine": fine}}


class TestCoarseToFineCSCN(NetworkContract):
    name = "cscn"
    n_networks = 2
    without_plans = ("one stage",)
    forms_in_one_graph = (True,)  # in prediction the blocks depend on the image
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
        block = BLOCKS[tuple(configuration["patch_size"])]
        return coarse_to_fine_feature_map_size(configuration, channels, classes, block)

    def logits_of(self, output):
        _fused, coarse, fine, _origins = output
        return [coarse, fine]

    def switch(self, network, enabled):
        network.deep_supervision = enabled


def build(configuration, **arguments) -> CoarseToFineCSCN:
    network = TestCoarseToFineCSCN().build(configuration, **arguments)
    assert isinstance(network, CoarseToFineCSCN)
    return network


def image_of(configuration, **arguments):
    return TestCoarseToFineCSCN().image(configuration, **arguments)


def pooled_by_4(*, cscn=None):
    """Return a plan whose coarse network is coarser than the fine network's second stage."""
    return isotropic(cscn={"coarse": {"pooling": [4, 4, 4]}, **(cscn or {})})


def gradient_of(module):
    return sum(p.grad.abs().sum().item() for p in module.parameters() if p.grad is not None)


def backpropagate(scales):
    sum(logits.square().mean() for logits in scales).backward()


PLANS = [isotropic, anisotropic, planar, two_stages, pooled_by_4]


@pytest.mark.parametrize("plan", PLANS)
def test_training_outputs_are_both_networks_scales_and_the_block_origins(plan):
    network = build(plan(), classes=3)
    first, coarse, fine, origins = network(image_of(plan(), batch=2))
    assert not first.requires_grad  # the place of the fused map, which no loss reads
    assert (len(coarse), len(fine)) == (len(network.coarse_scales), network.n_fine_scales)
    assert origins.shape == (2, 2, len(plan()["patch_size"]))


@pytest.mark.parametrize("plan", [isotropic, pooled_by_4])
def test_under_evaluation_the_fused_map_is_that_of_prediction(plan):
    network = build(plan()).eval()
    with torch.no_grad():
        fused, *_ = network(image_of(plan()))
        network.deep_supervision = False
        assert torch.equal(network(image_of(plan())), fused)


@pytest.mark.parametrize("plan", PLANS)
def test_the_coarse_network_sees_the_mean_of_each_cell_of_the_window(plan):
    network = build(plan(), channels=3)
    seen = recorded_inputs(network.coarse.encoder)
    network(image_of(plan(), channels=3, batch=2))
    ((pooled,),) = seen
    torch.testing.assert_close(pooled, averaged(image_of(plan(), channels=3, batch=2), network.pooling))


@pytest.mark.parametrize("plan", PLANS)
def test_the_coarse_scales_are_those_of_the_coarse_network_on_such_a_window(plan):
    network = build(plan(), classes=3)
    _, coarse, _, _ = network(image_of(plan()))
    for ours, theirs in zip(coarse, network.coarse(averaged(image_of(plan()), network.pooling)), strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("regions", [False, True])
def test_the_fine_network_sees_blocks_of_the_image_and_of_the_raised_probabilities(plan, regions):
    network = build(plan(), channels=2, classes=3)
    network.fusion.is_regions = regions
    seen = recorded_inputs(network.fine)
    image = image_of(plan(), channels=2, batch=2)
    _, coarse, _, origins = network(image)
    logits = upsampled(coarse[0], plan()["patch_size"])
    window = torch.cat([image, logits.sigmoid() if regions else logits.softmax(dim=1)], dim=1)
    blocks = [
        sliced(sample, places, network.block_size) for sample, places in zip(window, origins.tolist(), strict=True)
    ]
    ((inputs, _context),) = seen
    torch.testing.assert_close(inputs, torch.cat(blocks))


@pytest.mark.parametrize("plan", [isotropic, anisotropic, planar])
def test_the_fine_network_sees_the_coarse_networks_last_features(plan):
    network = build(plan())
    seen, features = recorded_inputs(network.fine), recorded_outputs(network.coarse.decoder.stages[-1])
    _, _, _, origins = network(image_of(plan(), batch=2))
    size = [edge // by for edge, by in zip(network.block_size, network.pooling, strict=True)]
    blocks = [
        sliced(sample, [[o // by for o, by in zip(place, network.pooling, strict=True)] for place in places], size)
        for sample, places in zip(features[0], origins.tolist(), strict=True)
    ]
    ((_inputs, context),) = seen
    assert torch.equal(context, torch.cat(blocks))
    assert not context.requires_grad


def test_features_of_a_coarser_grid_are_brought_to_the_second_stages():
    network = build(pooled_by_4())
    seen = recorded_inputs(network.fine)
    network(image_of(pooled_by_4()))
    assert seen[0][1].shape == (2, 4, 4, 4, 4)  # blocks of 8, the second stage has 4, the coarse network 2


def test_no_features_are_handed_on_where_not_asked_for():
    network = build(isotropic(cscn={"fine": {"sees_features": False}}))
    seen = recorded_inputs(network.fine)
    network(image_of(isotropic()))
    assert seen[0][1] is None
    assert not hasattr(network.fine.encoder, "merge")


@pytest.mark.parametrize("plan", PLANS)
def test_blocks_start_at_cells_of_the_coarse_network_inside_the_window(plan):
    network = build(plan())
    _, _, _, origins = network(image_of(plan(), batch=5))
    assert (origins % torch.tensor(network.pooling) == 0).all()
    assert origins.min() >= 0
    assert (origins + torch.tensor(network.block_size) <= torch.tensor(plan()["patch_size"])).all()


def test_the_seed_decides_which_blocks_are_learned_from():
    network, drawn = build(isotropic(cscn={"fine": {"blocks_per_sample": 8}})), []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        drawn.append(network(image_of(isotropic()))[3])
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


@pytest.mark.parametrize(
    "options", [{"corrects": False}, {"corrects": True}, {"corrects": False, "sees_features": False}]
)
def test_no_gradient_flows_between_the_networks(options):
    network = build(isotropic(cscn={"fine": options}))
    _, _, fine, _ = network(image_of(isotropic()))
    backpropagate(fine)
    assert all(p.grad is None for p in network.coarse.parameters())
    network.zero_grad()
    _, coarse, _, _ = network(image_of(isotropic()))
    backpropagate(coarse)
    assert all(p.grad is None for p in network.fine.parameters())


@pytest.mark.parametrize(
    "options", [{"corrects": False}, {"corrects": True}, {"corrects": False, "sees_features": False}]
)
def test_the_fine_loss_trains_the_coarse_network_where_it_is_not_detached(options):
    network = build(isotropic(cscn={"fine": {"detached": False, **options}}))
    _, _, fine, _ = network(image_of(isotropic()))
    backpropagate(fine)
    assert gradient_of(network.coarse.encoder) > 0
    assert gradient_of(network.coarse.decoder.seg_layers[-1]) > 0  # through the probabilities


@pytest.mark.parametrize("plan", [isotropic, planar])
def test_a_correction_of_nothing_leaves_the_raised_coarse_logits(plan):
    network = build(plan(cscn={"fine": {"corrects": True}}), classes=3)
    with torch.no_grad():
        for head in network.fine.decoder.seg_layers:
            head.weight.zero_()
            head.bias.zero_()
        network.coarse.decoder.seg_layers[-1].weight.mul_(20)
    _, coarse, fine, origins = network(image_of(plan(), batch=2))
    logits = upsampled(coarse[0], plan()["patch_size"])
    assert logits.abs().max() > 8
    blocks = [
        sliced(sample, places, network.block_size) for sample, places in zip(logits, origins.tolist(), strict=True)
    ]
    expected = torch.cat(blocks).clamp(-8, 8)  # the coarse logits are limited to 8
    torch.testing.assert_close(fine[0], expected)
    torch.testing.assert_close(fine[1], averaged(expected, plan()["architecture"]["arch_kwargs"]["strides"][1]))


def test_a_correction_is_added_to_the_coarse_logits():
    outputs = []
    for corrects in (False, True):
        network = build(isotropic(cscn={"fine": {"corrects": corrects}}))
        torch.manual_seed(0)
        outputs.append(network(image_of(isotropic())))
    (_, _, plain, origins), (_, coarse, corrected, same) = outputs
    assert torch.equal(origins, same)
    base = sliced(upsampled(coarse[0], (16, 16, 16))[0], origins[0].tolist(), (8, 8, 8))
    torch.testing.assert_close(corrected[0], plain[0] + base)


def test_a_learned_stem_is_trained_by_the_coarse_loss():
    configuration = isotropic(cscn={"coarse": {"stem": "learned"}})
    network = build(configuration, channels=2)
    seen = recorded_inputs(network.coarse.encoder)
    _, coarse, fine, _ = network(image_of(configuration, channels=2, batch=2))
    assert seen[0][0].shape == (2, 4, 8, 8, 8)
    backpropagate(coarse)
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.stem.parameters())
    assert gradient_of(network.stem) > 0
    backpropagate(fine)
    assert all(p.grad is not None for p in network.parameters())
    network.eval().deep_supervision = False
    with torch.no_grad():
        assert network(image_of(configuration, channels=2)).shape == (1, 2, 16, 16, 16)


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_several_channels_reach_both_networks(channels):
    network = build(anisotropic(), channels=channels, classes=2, deep_supervision=False).eval()
    coarse, fine = recorded_inputs(network.coarse.encoder), recorded_inputs(network.fine)
    with torch.no_grad():
        network(image_of(anisotropic(), channels=channels))
    assert coarse[0][0].shape[1] == channels
    assert fine[0][0].shape[1] == channels + 2


def test_any_other_number_of_channels_is_refused():
    network = build(isotropic(), channels=2)
    with pytest.raises(ValueError, match=r"2 image channels.*3"):
        network(image_of(isotropic(), channels=3))


def test_a_plan_of_one_stage_is_refused_with_the_remedy():
    with pytest.raises(UserError, match=r"coarse\.resolution=full"):
        build(one_stage())


@pytest.mark.parametrize("plan", [isotropic, anisotropic, planar, two_stages])
def test_weights_of_a_cascade_of_one_resolution_are_refused_with_the_remedy(plan):
    old = build_network("cscn_one_resolution", plan(), input_channels=1, output_channels=2, deep_supervision=False)
    with pytest.raises(UserError, match=r'"coarse": \{"resolution": "full"\}'):
        build(plan()).load_state_dict(old.state_dict())


def test_the_option_named_in_the_remedy_takes_those_weights():
    old = build_network("cscn_one_resolution", isotropic(), input_channels=1, output_channels=2, deep_supervision=False)
    configuration = isotropic(cscn={"coarse": {"resolution": "full"}})
    network = build_network("cscn", configuration, input_channels=1, output_channels=2, deep_supervision=False)
    network.load_state_dict(old.state_dict())


@pytest.mark.parametrize(("plans_norm", "trained_norm"), [("plan", "batch"), ("batch", "plan")])
def test_weights_of_another_normalisation_of_blocks_are_refused_with_the_remedy(plans_norm, trained_norm):
    trained = build(isotropic(cscn={"fine": {"norm": trained_norm}}))
    with pytest.raises(UserError, match=rf'"fine": \{{"norm": "{trained_norm}"\}}'):
        build(isotropic(cscn={"fine": {"norm": plans_norm}})).load_state_dict(trained.state_dict())


def test_weights_of_a_plan_with_batch_normalisation_fit_either_setting():
    plan = isotropic(cscn={"fine": {"norm": "plan"}})
    plan["architecture"]["arch_kwargs"]["norm_op"] = "torch.nn.modules.batchnorm.BatchNorm3d"
    weights = build(plan).state_dict()
    build({**plan, "cscn": {"fine": {"norm": "batch"}}}).load_state_dict(weights)
