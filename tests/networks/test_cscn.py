from types import SimpleNamespace

import pytest
import torch
from nnunetv2.run.load_pretrained_weights import load_pretrained_weights
from torch import nn

from nnunet_cscn.networks.cscn import CSCN

from .contract import NetworkContract
from .hand_counts import acdnet_feature_map_size, bunet_feature_map_size
from .tiny_plans import anisotropic, isotropic


class TestCSCN(NetworkContract):
    name = "cscn_one_resolution"
    n_networks = 2
    depends_on_classes = (".seg_layers.", "fine.encoder.stem.0.")  # the fine network sees one channel per class

    def logits_of(self, output):
        _fused, coarse, fine = output
        return [coarse, fine]

    def switch(self, network, enabled):
        network.deep_supervision = enabled

    def expected_feature_map_size(self, configuration, channels, classes):
        coarse = bunet_feature_map_size(configuration, channels, classes)
        return coarse + acdnet_feature_map_size(configuration, classes)


def build(configuration, **arguments) -> CSCN:
    network = TestCSCN().build(configuration, **arguments)
    assert isinstance(network, CSCN)
    return network


class Recorder(nn.Module):
    """A stub network: records its inputs and returns fixed logits."""

    def __init__(self, logits):
        super().__init__()
        self.logits = nn.Parameter(logits)
        self.decoder = SimpleNamespace(deep_supervision=False)
        self.seen = []

    def forward(self, x):
        self.seen.append(x)
        return [self.logits] if self.decoder.deep_supervision else self.logits


def recorded(coarse, fine, *, image_channels=1, regions=False, fusion="mean", deep_supervision=False) -> CSCN:
    network = CSCN(
        Recorder(coarse),
        Recorder(fine),
        image_channels=image_channels,
        output_channels=coarse.shape[1],
        fusion=fusion,
        deep_supervision=deep_supervision,
    )
    network.fusion.is_regions = regions
    return network


def test_training_output_is_the_fused_map_then_both_networks_scales():
    configuration = anisotropic()
    fused, coarse, fine = build(configuration, classes=3)(TestCSCN().image(configuration, batch=2))
    assert fused.shape == (2, 3, 4, 16, 12)
    assert not fused.requires_grad  # nnU-Net only uses it for the pseudo Dice
    assert [len(coarse), len(fine)] == [2, 2]


def test_the_fine_network_sees_the_image_and_the_coarse_probabilities():
    image, logits = torch.randn(1, 2, 2, 2, 2), torch.randn(1, 3, 2, 2, 2)
    network = recorded(logits, logits, image_channels=2)
    network(image)
    (seen,) = network.fine.seen
    torch.testing.assert_close(seen, torch.cat([image, logits.softmax(1)], dim=1))


def test_stored_probabilities_replace_the_coarse_network():
    stored = torch.tensor([0.2, 0.5]).reshape(1, 2, 1, 1, 1)
    network = recorded(torch.zeros(1, 3, 1, 1, 1), torch.full((1, 3, 1, 1, 1), 1.0))
    out = network(torch.cat([torch.zeros(1, 1, 1, 1, 1), stored], dim=1))
    assert network.coarse.seen == []
    torch.testing.assert_close(network.fine.seen[0].flatten(), torch.tensor([0.0, 0.3, 0.2, 0.5]))
    expected = torch.tensor([(0.3 + 1 / 3) / 2, (0.2 + 1 / 3) / 2, (0.5 + 1 / 3) / 2])
    torch.testing.assert_close(out.softmax(1).flatten(), expected, atol=1e-5, rtol=0)


def test_stored_region_probabilities_have_no_background():
    stored = torch.tensor([0.9, 0.8]).reshape(1, 2, 1, 1, 1)
    network = recorded(torch.zeros(1, 2, 1, 1, 1), torch.zeros(1, 2, 1, 1, 1), regions=True)
    out = network(torch.cat([torch.zeros(1, 1, 1, 1, 1), stored], dim=1))
    torch.testing.assert_close(network.fine.seen[0].flatten(), torch.tensor([0.0, 0.9, 0.8]))
    torch.testing.assert_close(out.sigmoid().flatten(), torch.tensor([0.7, 0.65]), atol=1e-5, rtol=0)


def test_the_coarse_network_still_learns_when_its_probabilities_are_stored():
    network = build(isotropic(), classes=3)
    _, coarse, _ = network(torch.rand(1, 1 + 2, 16, 16, 16))
    assert [tuple(scale.shape[2:]) for scale in coarse] == [(16, 16, 16), (8, 8, 8)]


@pytest.mark.parametrize("channels", [1, 3, 5, 6])
def test_any_other_number_of_channels_is_refused(channels):
    network = recorded(torch.zeros(1, 3, 1, 1, 1), torch.zeros(1, 3, 1, 1, 1), image_channels=2)
    with pytest.raises(ValueError, match=f"image channels.*got {channels}"):
        network(torch.zeros(1, channels, 1, 1, 1))


def test_prediction_gives_back_the_mean_of_both_softmaxes():
    configuration = isotropic()
    network = build(configuration, channels=2, classes=3).eval()
    image = TestCSCN().image(configuration, channels=2, batch=2)
    with torch.no_grad():
        _, coarse, fine = network(image)
        network.deep_supervision = False
        mean = (coarse[0].double().softmax(1) + fine[0].double().softmax(1)) / 2
        torch.testing.assert_close(network(image).softmax(1).double(), mean, atol=1e-5, rtol=0)


def test_prediction_gives_back_the_mean_of_both_sigmoids_for_regions():
    configuration = isotropic()
    network = build(configuration, classes=3).eval()
    network.fusion.is_regions = True
    image = TestCSCN().image(configuration)
    with torch.no_grad():
        _, coarse, fine = network(image)
        network.deep_supervision = False
        mean = (coarse[0].double().sigmoid() + fine[0].double().sigmoid()) / 2
        torch.testing.assert_close(network(image).sigmoid().double(), mean, atol=1e-5, rtol=0)


def test_fusion_fine_gives_the_fine_networks_probabilities_alone():
    configuration = isotropic(cscn={"fusion": "fine"})
    network = build(configuration).eval()
    image = TestCSCN().image(configuration)
    with torch.no_grad():
        _, _, fine = network(image)
        network.deep_supervision = False
        torch.testing.assert_close(network(image).softmax(1), fine[0].softmax(1), atol=1e-5, rtol=0)


def test_no_gradient_flows_between_the_networks():
    configuration = isotropic()
    network = build(configuration)
    _, _, fine = network(TestCSCN().image(configuration))
    sum(scale.sum() for scale in fine).backward()
    assert all(p.grad is None for p in network.coarse.parameters())
    network.zero_grad()
    _, coarse, _ = network(TestCSCN().image(configuration))
    sum(scale.sum() for scale in coarse).backward()
    assert all(p.grad is None for p in network.fine.parameters())


@pytest.mark.parametrize("regions", [False, True])
@pytest.mark.parametrize("size", [60.0, 1e4, 3e38])
def test_extreme_logits_stay_finite_and_keep_the_winner(regions, size):
    logits = torch.tensor([size, -size]).reshape(1, 2, 1, 1, 1)
    out = recorded(logits, logits, regions=regions)(torch.zeros(1, 1, 1, 1, 1)).flatten()
    assert out.isfinite().all()
    assert out.half().isfinite().all()  # nnU-Net's predictor sums tiles in half precision
    assert out[0] > out[1]


def test_half_precision_logits_are_fused_in_single_precision():
    logits = torch.tensor([7.0, -7.0]).reshape(1, 2, 1, 1, 1).half()
    assert recorded(logits, logits)(torch.zeros(1, 1, 1, 1, 1)).dtype == torch.float32


def test_the_state_dict_carries_whether_heads_are_regions():
    network, loaded = build(isotropic()), build(isotropic())
    network.fusion.is_regions = True
    loaded.load_state_dict(network.state_dict())
    assert loaded.fusion.is_regions is True
    assert loaded.stored_channels == 2


def test_pretrained_weights_of_the_other_kind_leave_the_flag_alone(tmp_path):
    classes, regions = build(isotropic(), seed=1), build(isotropic(), seed=2)
    regions.fusion.is_regions = True
    torch.save({"network_weights": classes.state_dict()}, tmp_path / "checkpoint_final.pth")
    head = regions.fine.decoder.seg_layers[0].weight.clone()
    load_pretrained_weights(regions, str(tmp_path / "checkpoint_final.pth"))
    assert regions.fusion.is_regions is True
    assert torch.equal(regions.coarse.encoder.stages[0][0].convs[0].conv.weight,
                       classes.coarse.encoder.stages[0][0].convs[0].conv.weight)  # fmt: skip
    assert torch.equal(regions.fine.decoder.seg_layers[0].weight, head)


@pytest.mark.parametrize("regions", [False, True])
def test_the_stages_probabilities_are_those_that_are_fused(regions):
    coarse, fine = torch.tensor([[0.0, 1.0, -2.0]]), torch.tensor([[0.5, -1.0, 0.0]])
    network = recorded(*(logits.reshape(1, 3, 1, 1, 1) for logits in (coarse, fine)), regions=regions)
    to_probabilities = torch.sigmoid if regions else lambda logits: logits.softmax(dim=1)
    seen_coarse, seen_fine = network.stage_probabilities(torch.zeros(1, 1, 1, 1, 1))
    torch.testing.assert_close(seen_coarse.flatten(1), to_probabilities(coarse))
    torch.testing.assert_close(seen_fine.flatten(1), to_probabilities(fine))


def test_the_coarse_stage_of_stored_probabilities_is_what_is_stored():
    network = recorded(torch.zeros(1, 2, 1, 1, 1), torch.zeros(1, 2, 1, 1, 1))
    coarse, fine = network.stage_probabilities(torch.tensor([7.0, 0.75]).reshape(1, 2, 1, 1, 1))
    assert coarse.flatten().tolist() == [0.25, 0.75]
    assert fine.flatten().tolist() == [0.5, 0.5]
    assert network.coarse.seen == []
