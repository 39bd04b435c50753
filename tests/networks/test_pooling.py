import copy
import re

import pytest
import torch
from nnunetv2.utilities.get_network_from_plans import get_network_from_plans
from torch import nn

from nnunet_cscn.errors import UserError
from nnunet_cscn.networks.instance_norm import InstanceNorm3d
from nnunet_cscn.networks.plans import Topology, architecture_of
from nnunet_cscn.networks.pooling import coarse_stem, cumulative_strides, pooled_plan, pooled_scales, pooling_of
from nnunet_cscn.settings.coarse import CoarseSettings

from .tiny_plans import anisotropic, configuration, isotropic, one_stage, planar, read, two_stages, unequal_stages


def late():
    """Return a plan whose second stage has the resolution of the first."""
    return configuration((8, 8), [(1, 1), (1, 1), (2, 2), (2, 2)], [(3, 3)] * 4, (4, 4, 8, 8))


def strided_by_three():
    return configuration((12, 12), [(1, 1), (2, 2), (3, 3)], [(3, 3)] * 3, (4, 8, 8))


def pooled(plan, by):
    return pooled_plan(architecture_of(plan), read(plan), by)


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (isotropic, [(1, 1, 1), (2, 2, 2), (4, 4, 4)]),
        (anisotropic, [(1, 1, 1), (1, 2, 2), (2, 4, 4)]),
        (planar, [(1, 1), (2, 2), (4, 2)]),
        (one_stage, [(1, 1, 1)]),
    ],
)
def test_strides_are_multiplied_from_stage_to_stage(plan, expected):
    assert cumulative_strides(read(plan())) == expected


@pytest.mark.parametrize(
    ("plan", "expected"),
    [(isotropic, (2, 2, 2)), (anisotropic, (1, 2, 2)), (two_stages, (1, 2, 2)), (planar, (2, 2)), (late, (2, 2))],
)
def test_the_window_is_pooled_by_the_plans_first_real_stride(plan, expected):
    assert pooling_of(read(plan()), CoarseSettings()) == expected


@pytest.mark.parametrize(
    ("plan", "by"),
    [
        (isotropic, (4, 4, 4)),
        (isotropic, (1, 1, 2)),
        (anisotropic, (2, 2, 2)),
        (anisotropic, (2, 4, 4)),
        (anisotropic, (1, 4, 2)),
        (planar, (4, 2)),
        (strided_by_three, (6, 2)),
    ],
)
def test_an_option_that_fits_the_strides_is_taken(plan, by):
    assert pooling_of(read(plan()), CoarseSettings(pooling=by)) == by


@pytest.mark.parametrize(
    ("plan", "by", "sentence"),
    [
        (isotropic, (2, 2), "cscn.coarse.pooling: expected 3 numbers, got [2, 2]"),
        (planar, (2, 2, 2), "cscn.coarse.pooling: expected 2 numbers, got [2, 2, 2]"),
        (isotropic, (1, 1, 1), "cscn.coarse.pooling: [1, 1, 1] does not reduce the resolution"),
        (isotropic, (2, 3, 2), "[2, 3, 2] does not fit the plan's strides along axis 1"),
        (isotropic, (2, 2, 8), "strides along axis 2: choose 1 or 2 or 4 "),
        (anisotropic, (4, 2, 2), "strides along axis 0: choose 1 or 2 "),
        (planar, (4, 4), "strides along axis 1: choose 1 or 2 "),
        (strided_by_three, (2, 3), "does not fit the plan's strides along axis 1"),
    ],
)
def test_an_option_that_does_not_fit_is_refused_with_the_remedy(plan, by, sentence):
    with pytest.raises(UserError, match=re.escape(sentence)):
        pooling_of(read(plan()), CoarseSettings(pooling=by))


@pytest.mark.parametrize("by", [None, (2, 2, 2)])
def test_a_plan_of_one_resolution_is_refused_with_the_remedy(by):
    sentence = r"one resolution .*coarse\.resolution=full"
    with pytest.raises(UserError, match=sentence):
        pooling_of(read(one_stage()), CoarseSettings(pooling=by))


@pytest.mark.parametrize(
    ("plan", "by", "strides", "kernels", "blocks", "patch_size"),
    [
        (isotropic, (2, 2, 2), [(1, 1, 1), (2, 2, 2)], [(3, 3, 3)] * 2, (2, 2), (8, 8, 8)),
        (isotropic, (4, 4, 4), [(1, 1, 1)], [(3, 3, 3)], (2,), (4, 4, 4)),
        (isotropic, (1, 1, 2), [(1, 1, 1), (2, 2, 1), (2, 2, 2)], [(3, 3, 3)] * 3, (2, 2, 2), (16, 16, 8)),
        (anisotropic, (1, 2, 2), [(1, 1, 1), (2, 2, 2)], [(3, 3, 3)] * 2, (2, 2), (4, 8, 6)),
        (anisotropic, (2, 2, 2), [(1, 1, 1), (1, 2, 2)], [(3, 3, 3)] * 2, (2, 2), (2, 8, 6)),
        (two_stages, (1, 2, 2), [(1, 1, 1)], [(3, 3, 3)], (2,), (6, 4, 4)),
        (planar, (2, 2), [(1, 1), (2, 1)], [(3, 3)] * 2, (2, 2), (8, 4)),
        (late, (2, 2), [(1, 1), (2, 2)], [(3, 3)] * 2, (2, 2), (4, 4)),
        (
            unequal_stages,  # 1, 2, 4 and 8 voxels in plane, 1, 1, 2 and 2 across
            (1, 2, 2),
            [(1, 1, 1), (2, 2, 2), (1, 2, 2)],
            [(1, 5, 5), (3, 3, 3), (3, 5, 3)],
            (2, 3, 4),
            (8, 16, 8),
        ),
        (
            unequal_stages,
            (2, 2, 2),
            [(1, 1, 1), (1, 2, 2), (1, 2, 2)],
            [(1, 5, 5), (3, 3, 3), (3, 5, 3)],
            (2, 3, 4),
            (4, 16, 8),
        ),
        (unequal_stages, (2, 4, 4), [(1, 1, 1), (1, 2, 2)], [(3, 3, 3), (3, 5, 3)], (3, 4), (4, 8, 4)),
    ],
)
def test_the_pooled_plan_is_what_is_left_of_the_plan(plan, by, strides, kernels, blocks, patch_size):
    original = plan()
    architecture, topology = pooled(original, by)
    n_stages = len(strides)
    features = original["architecture"]["arch_kwargs"]["features_per_stage"][:n_stages]
    assert topology.strides == tuple(strides)
    assert topology.kernel_sizes == tuple(kernels)
    assert topology.features == tuple(features)
    assert topology.blocks == blocks
    assert topology.patch_size == patch_size
    kwargs = architecture.kwargs
    assert kwargs["n_stages"] == n_stages
    assert kwargs["strides"] == [list(stride) for stride in strides]
    assert kwargs["kernel_sizes"] == [list(kernel) for kernel in kernels]
    assert kwargs["features_per_stage"] == features
    assert kwargs["n_conv_per_stage"] == list(blocks)
    assert kwargs["n_conv_per_stage_decoder"] == [1] * (n_stages - 1)


def test_a_residual_encoder_keeps_its_own_key():
    architecture, topology = pooled(unequal_stages(residual=True), (2, 4, 4))
    assert architecture.class_name.endswith("ResidualEncoderUNet")
    assert architecture.kwargs["n_blocks_per_stage"] == [3, 4]
    assert "n_conv_per_stage" not in architecture.kwargs
    assert topology.blocks == (3, 4)


def test_the_plan_itself_stays_as_it_is():
    plan = unequal_stages()
    before = copy.deepcopy(plan)
    pooled(plan, (2, 2, 2))
    assert plan == before


def test_all_else_is_taken_over():
    architecture, topology = pooled(isotropic(), (2, 2, 2))
    original = architecture_of(isotropic())
    for key in ("conv_op", "conv_bias", "norm_op", "norm_op_kwargs", "nonlin", "nonlin_kwargs"):
        assert architecture.kwargs[key] == original.kwargs[key]
    assert architecture.requires_import == original.requires_import
    assert (topology.conv, topology.norm) == (nn.Conv3d, InstanceNorm3d)


@pytest.mark.parametrize(
    ("plan", "by", "sizes"),
    [
        (isotropic, (2, 2, 2), [(8, 8, 8)]),
        (anisotropic, (1, 2, 2), [(4, 8, 6)]),
        (anisotropic, (2, 2, 2), [(2, 8, 6)]),
        (planar, (2, 2), [(8, 4)]),
        (unequal_stages, (1, 2, 2), [(8, 16, 8), (4, 8, 4)]),
        (lambda: unequal_stages(residual=True), (2, 2, 2), [(4, 16, 8), (4, 8, 4)]),
        (lambda: anisotropic(residual=True), (1, 2, 2), [(4, 8, 6)]),
    ],
)
def test_nnunets_own_class_is_built_from_the_pooled_plan(plan, by, sizes):
    architecture, topology = pooled(plan(), by)
    network = get_network_from_plans(
        architecture.class_name,
        dict(architecture.kwargs),
        architecture.requires_import,
        2,
        3,
        deep_supervision=True,
    )
    with torch.no_grad():
        logits = network(torch.zeros(1, 2, *topology.patch_size))
    assert [tuple(scale.shape) for scale in logits] == [(1, 3, *size) for size in sizes]


@pytest.mark.parametrize(
    ("plan", "by", "expected"),
    [
        (isotropic, (2, 2, 2), [[1 / 2, 1 / 2, 1 / 2]]),
        (anisotropic, (1, 2, 2), [[1, 1 / 2, 1 / 2]]),
        (two_stages, (1, 2, 2), [[1, 1 / 2, 1 / 2]]),
        (planar, (2, 2), [[1 / 2, 1 / 2]]),
        (unequal_stages, (1, 2, 2), [[1, 1 / 2, 1 / 2], [1 / 2, 1 / 4, 1 / 4]]),
        (unequal_stages, (2, 2, 2), [[1 / 2, 1 / 2, 1 / 2], [1 / 2, 1 / 4, 1 / 4]]),
    ],
)
def test_scales_are_those_of_the_coarse_outputs_in_the_window(plan, by, expected):
    assert pooled_scales(pooled(plan(), by)[1], by) == expected


@pytest.mark.parametrize(("plan", "by", "kind"), [(isotropic, (2, 2, 4), nn.AvgPool3d), (planar, (2, 1), nn.AvgPool2d)])
def test_a_stem_of_means_has_nothing_to_learn(plan, by, kind):
    stem, channels = coarse_stem(read(plan()), by, CoarseSettings(), 3)
    assert isinstance(stem, kind)
    assert channels == 3
    image = torch.zeros(1, 3, *plan()["patch_size"])
    image[:, 1].view(-1)[0] = 8.0  # one voxel of the first cell
    assert stem(image)[0, 1].flatten()[0].item() == 8.0 / torch.tensor(by).prod().item()


def test_a_learned_stem_is_a_convolution_of_that_stride():
    stem, channels = coarse_stem(read(anisotropic()), (1, 2, 2), CoarseSettings(stem="learned"), 3)
    (convolution,) = (module for module in stem.modules() if isinstance(module, nn.Conv3d))
    assert (convolution.kernel_size, convolution.stride) == ((1, 2, 2), (1, 2, 2))
    assert (convolution.in_channels, convolution.out_channels, channels) == (3, 4, 4)
    assert stem(torch.zeros(1, 3, 4, 16, 12)).shape == (1, 4, 4, 8, 6)


def test_the_decoder_keeps_the_deep_stages_convolutions_which_nnunet_lists_first():
    configuration = isotropic()
    configuration["architecture"]["arch_kwargs"]["n_conv_per_stage_decoder"] = [3, 2]
    architecture = architecture_of(configuration)
    topology = Topology.from_architecture(architecture, configuration["patch_size"])
    pooled, _ = pooled_plan(architecture, topology, (2, 2, 2))
    assert pooled.kwargs["n_conv_per_stage_decoder"] == [3]
