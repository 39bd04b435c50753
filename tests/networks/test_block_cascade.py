"""Blocks in prediction and their positions in training, in the cascade at two resolutions."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from .test_coarse_to_fine import build, image_of, pooled_by_4
from .tiny_plans import anisotropic, isotropic, planar, two_stages
from .watching import recorded_inputs, recorded_outputs, sliced, upsampled

# First voxels of blocks of (8, 8, 8), (2, 8, 8), (8, 4), (2, 4, 4) with an overlap of a quarter, on the coarse grid
ALONG = {
    isotropic: [[0, 4, 8]] * 3,
    anisotropic: [[0, 1, 2], [0, 4, 8], [0, 4]],
    planar: [[0, 4, 8], [0, 2, 4]],
    two_stages: [[0, 1, 2, 3, 4], [0, 2, 4], [0, 2, 4]],
    pooled_by_4: [[0, 4, 8]] * 3,
}


def refine_all_blocks(plan):
    return plan(cscn={"fine": {"threshold": 0.0}})


def block_starts(plan):
    return list(itertools.product(*ALONG[plan]))


class FixedCoarse(nn.Module):
    """A stub coarse network: returns fixed logits of the pooled window."""

    def __init__(self, logits):
        super().__init__()
        features = torch.zeros(len(logits), 4, *logits.shape[2:])
        self.encoder = lambda _image: [features]
        self.decoder = SimpleNamespace(deep_supervision=False, seg_layers=[lambda _features: logits])


def with_corner(configuration, *, high, elsewhere, depth=2, regions=False, batch=1):
    """Return a network with different coarse logits of the second class (or region) in a corner of the window."""
    classes = 3
    network = build(configuration, classes=classes).eval()
    network.fusion.is_regions = regions
    size = [edge // by for edge, by in zip(configuration["patch_size"], network.pooling, strict=True)]
    logits = torch.full((batch, classes, *size), -20.0 if regions else 0.0)
    logits[:, 1] = elsewhere
    logits[(slice(None), 1, *(slice(depth) for _ in size))] = high
    if not regions:
        logits[:, 2:] = -20.0
    network.coarse = FixedCoarse(logits)
    return network


def stage_probabilities_of(network, image):
    with torch.no_grad():
        return network.stage_probabilities(image)


@pytest.mark.parametrize("plan", ALONG)
@pytest.mark.parametrize("regions", [False, True])
def test_prediction_shows_the_fine_network_every_block_up_to_the_windows_border(plan, regions):
    network = build(refine_all_blocks(plan), channels=2, classes=3, deep_supervision=False).eval()
    network.fusion.is_regions = regions
    seen, logits = recorded_inputs(network.fine), recorded_outputs(network.coarse.decoder.seg_layers[-1])
    image = image_of(plan(), channels=2, batch=2)
    with torch.no_grad():
        network(image)
    whole = upsampled(logits[0], plan()["patch_size"])
    window = torch.cat([image, whole.sigmoid() if regions else whole.softmax(dim=1)], dim=1)
    expected = torch.cat([sliced(sample, block_starts(plan), network.block_size) for sample in window])
    torch.testing.assert_close(torch.cat([inputs for inputs, _context in seen]), expected)
    assert max(len(inputs) for inputs, _context in seen) <= 8  # limits memory


@pytest.mark.parametrize("plan", [isotropic, anisotropic, planar])
def test_blocks_that_overlap_are_averaged_with_more_weight_in_their_middle(plan):
    uncorrected = {"threshold": 0.0, "corrects": False}  # only the outputs of the fine network are averaged
    network = build(plan(cscn={"fine": uncorrected}), classes=3, deep_supervision=False).eval()
    out = recorded_outputs(network.fine)
    _, fine = stage_probabilities_of(network, image_of(plan()))
    size = network.block_size
    distances = [np.minimum(np.arange(edge) + 0.5, edge - np.arange(edge) - 0.5) for edge in size]
    weight = np.prod(np.meshgrid(*distances, indexing="ij"), axis=0)
    total, weights = np.zeros(fine.shape[1:]), np.zeros(fine.shape[2:])
    for place, p in zip(block_starts(plan), torch.cat(out).double().softmax(dim=1).numpy(), strict=True):
        here = tuple(slice(first, first + edge) for first, edge in zip(place, size, strict=True))
        total[(slice(None), *here)] += p * weight
        weights[here] += weight
    torch.testing.assert_close(fine[0], torch.from_numpy(total / weights).float())


@pytest.mark.parametrize("regions", [False, True])
@pytest.mark.parametrize("fusion", ["mean", "fine"])
def test_prediction_fuses_the_probabilities_of_both_stages(regions, fusion):
    configuration = isotropic(cscn={"fusion": fusion, "fine": {"threshold": 0.0}})
    network = build(configuration, classes=3, deep_supervision=False).eval()
    network.fusion.is_regions = regions
    logits = recorded_outputs(network.coarse.decoder.seg_layers[-1])
    coarse, fine = stage_probabilities_of(network, image_of(configuration))
    whole = upsampled(logits[0], (16, 16, 16))
    torch.testing.assert_close(coarse, whole.sigmoid() if regions else whole.softmax(dim=1))
    assert not torch.isclose(coarse, fine).all()
    with torch.no_grad():
        out = network(image_of(configuration))
    expected = fine if fusion == "fine" else (coarse + fine) / 2
    torch.testing.assert_close(out.sigmoid() if regions else out.softmax(dim=1), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("plan", [isotropic, planar])
@pytest.mark.parametrize("high", [20.0, -20.0])
def test_a_threshold_of_1_leaves_the_coarse_probability_everywhere(plan, high):
    network = with_corner(plan(cscn={"fine": {"threshold": 1.0}}), high=high, elsewhere=0.0)
    coarse, fine = stage_probabilities_of(network, image_of(plan()))
    assert torch.equal(coarse, fine)


@pytest.mark.parametrize("norm", ["batch", "plan"])
def test_a_window_without_foreground_stays_that_of_the_coarse_network(norm):
    network = with_corner(isotropic(cscn={"fine": {"norm": norm}}), high=-20.0, elsewhere=-20.0)
    coarse, fine = stage_probabilities_of(network, image_of(isotropic()))
    assert torch.equal(coarse, fine)


@pytest.mark.parametrize("plan", [isotropic, anisotropic, planar])
@pytest.mark.parametrize("regions", [False, True])
def test_foreground_in_one_corner_changes_the_block_there_alone(plan, regions):
    network = with_corner(plan(), high=20.0, elsewhere=-20.0, regions=regions)
    coarse, fine = stage_probabilities_of(network, image_of(plan()))
    changed = (coarse != fine).any(dim=1)[0]
    reach = list(network.block_size)
    if plan is not isotropic:  # along one axis the block that starts at the second cell holds part of the corner too
        reach = [3, 8, 8] if plan is anisotropic else [8, 6]
    expected = torch.zeros_like(changed)
    expected[tuple(slice(edge) for edge in reach)] = True
    assert torch.equal(changed, expected)


@pytest.mark.parametrize("regions", [False, True])
@pytest.mark.parametrize(("threshold", "is_refined"), [(0.26, False), (0.24, True)])
def test_blocks_are_refined_where_the_foreground_exceeds_the_threshold(threshold, is_refined, regions):
    logit = float(np.log(0.25 / 0.75))
    configuration = isotropic(cscn={"fine": {"threshold": threshold}})
    network = with_corner(configuration, high=logit, elsewhere=-20.0, regions=regions)
    coarse, fine = stage_probabilities_of(network, image_of(isotropic()))
    assert coarse[0, 1, 0, 0, 0].item() == pytest.approx(0.25, abs=1e-6)
    assert torch.equal(coarse, fine) is not is_refined


@pytest.mark.parametrize("options", [{}, {"corrects": False}, {"sees_features": False}, {"norm": "plan"}])
@pytest.mark.parametrize("plan", [isotropic, planar])
def test_samples_of_a_batch_are_what_they_are_alone(plan, options):
    network = build(plan(cscn={"fine": {"threshold": 0.5, **options}}), classes=3, deep_supervision=False).eval()
    with torch.no_grad():
        network.coarse.decoder.seg_layers[-1].bias[0] += 3  # so that only some blocks are refined
    image = image_of(plan(), batch=3)
    seen = recorded_inputs(network.fine)
    together = stage_probabilities_of(network, image)
    n_refined = sum(len(inputs) for inputs, _context in seen)
    assert 0 < n_refined < 3 * len(block_starts(plan))
    alone = [stage_probabilities_of(network, image[i : i + 1]) for i in range(3)]
    for stage in (0, 1):
        torch.testing.assert_close(together[stage], torch.cat([each[stage] for each in alone]))


def test_prediction_leaves_deep_supervision_as_it_was():
    network = build(isotropic()).eval()
    for enabled in (True, False):
        network.deep_supervision = enabled
        stage_probabilities_of(network, image_of(isotropic()))
        assert network.deep_supervision is enabled
        assert network.fine.decoder.deep_supervision is enabled


def fraction_outside(fine, *, elsewhere):
    """Return, for each block of 4 cells, the fraction outside an uncertain corner of 4 cells."""
    network = with_corner(isotropic(cscn={"fine": fine}), high=0.0, elsewhere=elsewhere, depth=4, batch=20)
    torch.manual_seed(0)
    with torch.no_grad():
        origins = network(image_of(isotropic(), batch=20))[3]
    return (origins >= 8).any(dim=-1).float().mean(dim=0)


@pytest.mark.parametrize("elsewhere", [-20.0, 20.0])
def test_blocks_are_drawn_where_the_coarse_network_is_unsure_and_not_where_it_is_sure(elsewhere):
    assert fraction_outside({"blocks_per_sample": 1, "random_share": 0}, elsewhere=elsewhere) == 0


@pytest.mark.parametrize(("n_blocks", "share", "n_random"), [(4, 0.25, 1), (4, 0.5, 2), (2, 1.0, 2), (3, 0.0, 0)])
def test_the_share_that_lies_anywhere_is_the_last_of_each_samples_blocks(n_blocks, share, n_random):
    outside = fraction_outside({"blocks_per_sample": n_blocks, "random_share": share}, elsewhere=-20.0)
    n_sure = n_blocks - n_random
    assert (outside[:n_sure] == 0).all()
    assert (outside[n_sure:] > 0.2).all()  # 61 of the 125 places lie there
