import pytest
import torch
from torch import nn

from nnunet_cscn.networks.atrous_dense import AtrousDenseBlock, AtrousPyramid, DenseLayer
from nnunet_cscn.networks.convolutions import norm_nonlin, usable_dilation
from nnunet_cscn.networks.plans import Topology, architecture_of
from nnunet_cscn.networks.view_fusion import ViewFusion, view_kernels

from .tiny_plans import isotropic


@pytest.fixture
def topology() -> Topology:
    return Topology.from_architecture(architecture_of(isotropic()), (16, 16, 16))


@pytest.fixture
def bare_topology() -> Topology:
    """A plan without normalisation and with an in-place activation."""
    configuration = isotropic()
    configuration["architecture"]["arch_kwargs"]["norm_op"] = None
    return Topology.from_architecture(architecture_of(configuration), (16, 16, 16))


def block(topology, **changes):
    arguments = {"growth": 4, "n_layers": 3, "inner": 8, "kernel": (3, 3, 3), "size": (9, 9, 9), "rates": (1, 2, 4)}
    return AtrousDenseBlock(topology, 6, 5, checkpointing=False, **(arguments | changes))


@pytest.mark.parametrize(
    ("rate", "kernel", "size", "expected"),
    [
        (1, (3, 3, 3), (1, 1, 1), (1, 1, 1)),
        (2, (3, 3, 3), (5, 4, 9), (2, 1, 2)),  # a kernel of 3 at rate 2 spans 5 voxels
        (4, (3, 3, 3), (9, 8, 100), (4, 1, 4)),  # and at rate 4 spans 9
        (4, (1, 3, 3), (100, 9, 9), (1, 4, 4)),
        (3, (5, 3), (13, 7), (3, 3)),
    ],
)
def test_a_rate_is_used_where_the_dilated_kernel_fits(rate, kernel, size, expected):
    assert usable_dilation(rate, kernel, size) == expected


def test_a_view_is_the_kernel_without_its_extent_across():
    assert view_kernels((5, 3, 7)) == [(1, 3, 7), (5, 1, 7), (5, 3, 1)]


def test_a_dense_layer_reduces_then_grows_and_keeps_the_size(topology):
    layer = DenseLayer(topology, 6, 4, inner=16, kernel=(3, 3, 3), checkpointing=False)
    assert layer(torch.randn(2, 6, 5, 6, 7)).shape == (2, 4, 5, 6, 7)
    convolutions = [m for m in layer.modules() if isinstance(m, nn.Conv3d)]
    assert [(c.kernel_size, c.in_channels, c.out_channels) for c in convolutions] == [
        ((1, 1, 1), 6, 16),
        ((3, 3, 3), 16, 4),
    ]


def test_each_dense_layer_sees_everything_before_it(topology):
    layers = block(topology).dense_layers
    assert [layer.layers[2].in_channels for layer in layers] == [6, 10, 14]


def test_the_pyramid_sees_all_features_and_the_bottleneck_compresses_both(topology):
    whole = block(topology)
    assert [b.in_channels for b in whole.pyramid.branches] == [18, 18, 18]
    assert [b.dilation for b in whole.pyramid.branches] == [(1, 1, 1), (2, 2, 2), (4, 4, 4)]
    compress = whole.bottleneck[-1]
    assert (compress.in_channels, compress.out_channels, compress.kernel_size) == (18 + 3 * 4, 5, (1, 1, 1))
    assert whole(torch.randn(1, 6, 9, 9, 9)).shape == (1, 5, 9, 9, 9)


def test_every_convolution_of_a_block_has_a_share_in_its_output(topology):
    whole = block(topology)
    whole(torch.randn(1, 6, 9, 9, 9)).square().sum().backward()
    convolutions = [m for m in whole.modules() if isinstance(m, nn.Conv3d)]
    assert len(convolutions) == 3 * 2 + 3 + 1
    assert all(c.weight.grad.abs().sum() > 0 for c in convolutions)


def test_equal_rates_make_one_branch(topology):
    assert len(block(topology, size=(4, 4, 4)).pyramid.branches) == 1


def test_pyramid_branches_stand_side_by_side_at_full_size(topology):
    pyramid = AtrousPyramid(topology, 3, 2, kernel=(3, 3, 3), dilations=[(1, 1, 1), (1, 3, 2)])
    assert pyramid(torch.randn(1, 3, 4, 7, 6)).shape == (1, 4, 4, 7, 6)


def test_an_axial_view_never_mixes_slices(topology):
    fusion = ViewFusion(topology, 1, 4, kernel=(3, 3, 3))
    image = torch.zeros(1, 1, 5, 5, 5)
    marked = image.clone()
    marked[:, :, 2] = torch.randn(5, 5)
    reached = [(view(marked) - view(image)).abs().sum(dim=(0, 1, 3, 4)) > 0 for view in fusion.views]
    assert reached[0].tolist() == [False, False, True, False, False]
    assert reached[1].tolist() == reached[2].tolist() == [False, True, True, True, False]


@pytest.mark.parametrize(("kernel", "joins"), [((1, 3, 3), True), ((3, 1, 1), True), ((3, 3, 3), False)])
def test_views_joined_to_one_convolution_give_the_same(topology, kernel, joins):
    fusion = ViewFusion(topology, 3, 8, kernel=kernel)
    assert fusion.joins_views is joins
    image = torch.randn(1, 3, 5, 6, 7)
    torch.testing.assert_close(fusion._joined_views(image), fusion._each_view(image))


def test_without_a_norm_the_activation_leaves_its_input_alone(bare_topology):
    assert len(norm_nonlin(bare_topology, 4)) == 1
    image = torch.randn(1, 6, 9, 9, 9, requires_grad=True)
    kept = image.detach().clone()
    block(bare_topology)(image * 1.0).sum().backward()
    assert torch.equal(image.detach(), kept)
    assert image.grad.isfinite().all()
