
from nnunet_cscn.networks.coarse_to_fine import CoarseToFineCSCN

from .contract import NetworkContract
from .hand_counts import coarse_to_fine_feature_map_size

BLOCKS = {(16, 16, 16): [8, 8, 8], (4, 16, 12): [2, 8, 8], (6, 8, 8): [2, 4, 4], (4, 6, 6): [4, 6, 6], (16, 8): [8, 4]}


def with_blocks(configuration):
    """Return the configuration with blocks that are smaller than its window."""
    fine = {"block_size": BLOCKS[tuple(configuration["patch_size"])], **configuration["cscn"].get("fine", {})}
    return {**configuration, "cscn": {**configuration["cscn"], "fine": fine}}


class TestCoarseToFineCSCN(NetworkContract):
    name = "cscn"
    n_networks = 2
    without_plans = ("one stage",)
    forms_in_one_graph = (True,)  # in prediction it looks where the foreground is
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
