import pytest
import torch

from nnunet_cscn.networks.registry import build_network
from nnunet_cscn.networks.staged import StagedCSCN

from .contract import NetworkContract
from .hand_counts import acdnet_feature_map_size, bunet_feature_map_size
from .tiny_plans import anisotropic, isotropic


class TestStagedCSCN(NetworkContract):
    depends_on_classes = (".seg_layers.", "fine.encoder.stem.0.")  # the fine network sees one channel per class

    def build(self, configuration, *, channels=1, classes=2, deep_supervision=True, seed=0):
        torch.manual_seed(seed)
        coarse = build_network(
            "bunet", configuration, input_channels=channels, output_channels=classes, deep_supervision=False
        )
        fine = build_network(
            "acdnet",
            configuration,
            input_channels=channels + classes,
            output_channels=classes,
            deep_supervision=deep_supervision,
        )
        return StagedCSCN(
            coarse,
            fine,
            image_channels=channels,
            output_channels=classes,
            fusion="mean",
            deep_supervision=deep_supervision,
        )

    def logits_of(self, output):
        _fused, fine = output
        return [fine]

    def switch(self, network, enabled):
        network.deep_supervision = enabled

    def expected_feature_map_size(self, configuration, channels, classes):
        coarse = bunet_feature_map_size(configuration, channels, classes, deep_supervision=False)
        return coarse + acdnet_feature_map_size(configuration, classes)


@pytest.fixture
def network():
    return TestStagedCSCN().build(anisotropic(), classes=3, deep_supervision=False)


@pytest.fixture
def image():
    return TestStagedCSCN().image(anisotropic(), batch=2)


def test_the_coarse_network_never_learns_nor_leaves_evaluation_mode(network, image):
    network.train()
    assert network.fine.training
    assert not any(module.training for module in network.coarse.modules())
    assert not any(parameter.requires_grad for parameter in network.coarse.parameters())
    network.deep_supervision = True
    before = [p.clone() for p in network.coarse.parameters()]
    _fused, fine = network(image)
    sum(logits.square().mean() for logits in fine).backward()
    torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=1.0).step()
    assert all(torch.equal(*pair) for pair in zip(before, network.coarse.parameters(), strict=True))


def test_stored_probabilities_stand_for_the_coarse_network(network, image, monkeypatch):
    network.eval()
    with torch.no_grad():
        alone = network(image)
        stored = network.coarse(image).softmax(dim=1)[:, 1:]

        def never(_image):
            raise AssertionError("the coarse network ran")

        monkeypatch.setattr(network.coarse, "forward", never)
        torch.testing.assert_close(network(torch.cat([image, stored], dim=1)), alone, atol=1e-5, rtol=0)


@pytest.mark.parametrize("regions", [False, True])
def test_the_output_is_the_mean_of_both_probabilities(network, image, regions):
    network.eval()
    network.fusion.is_regions = regions
    to_probabilities = torch.sigmoid if regions else lambda logits: logits.softmax(dim=1)
    with torch.no_grad():
        coarse = to_probabilities(network.coarse(image))
        fine = to_probabilities(network.fine(torch.cat([image, coarse], dim=1)))
        fused = to_probabilities(network(image))
    torch.testing.assert_close(fused, (coarse + fine) / 2, atol=1e-5, rtol=0)


@pytest.mark.parametrize("n_stored", [1, 3])
def test_other_numbers_of_stored_channels_are_refused(network, image, n_stored):
    with pytest.raises(ValueError, match="image channels"):
        network(torch.cat([image, torch.zeros(2, n_stored, *image.shape[2:])], dim=1))


def test_region_heads_store_one_channel_each():
    network = TestStagedCSCN().build(isotropic(), classes=2, deep_supervision=True)
    network.fusion.is_regions = True
    image = TestStagedCSCN().image(isotropic())
    fused, fine = network(torch.cat([image, torch.rand(1, 2, *image.shape[2:])], dim=1))
    assert fused.shape[1] == fine[0].shape[1] == 2
