"""Convolutions with a kernel of one voxel, computed as matrix products."""

import pytest
import torch
from torch import nn

from nnunet_cscn.networks.pointwise import POINTWISE
from nnunet_cscn.networks.registry import build_network
from tests.networks.graphs import nodes_behind
from tests.networks.tiny_plans import PLANS


@pytest.mark.parametrize(
    ("kind", "shape"),
    [
        (nn.Conv2d, (2, 3, 4, 5)),
        (nn.Conv3d, (2, 3, 4, 5, 6)),
        (nn.Conv3d, (1, 3, 1, 1, 1)),
        (nn.Conv3d, (3, 4, 5, 6)),  # no batch
    ],
)
@pytest.mark.parametrize("bias", [True, False])
def test_results_and_gradients_are_those_of_torch(kind, shape, bias):
    torch.manual_seed(0)
    stock, ours = (each(3, 4, 1, bias=bias).double() for each in (kind, POINTWISE[kind]))
    ours.load_state_dict(stock.state_dict())
    image, results = torch.randn(shape, dtype=torch.float64), []
    for convolution in (stock, ours):
        x = image.clone().requires_grad_()
        y = convolution(x)
        (y * y.detach().cos()).sum().backward()
        results.append([y, x.grad, *(each.grad for each in convolution.parameters())])
    for own, expected in zip(*results, strict=True):
        torch.testing.assert_close(own, expected)


@pytest.mark.parametrize("bias", [True, False])
def test_it_is_a_matrix_product(bias):
    nodes = nodes_behind(POINTWISE[nn.Conv3d](3, 4, 1, bias=bias)(torch.zeros(2, 3, 4, 5, 6)))
    assert ("BaddbmmBackward0" if bias else "BmmBackward0") in nodes
    assert "ConvolutionBackward0" not in nodes


def test_memory_layouts_may_differ():
    stock, ours = nn.Conv3d(3, 4, 1), POINTWISE[nn.Conv3d](3, 4, 1)
    ours.load_state_dict(stock.state_dict())
    image = torch.randn(2, 3, 4, 5, 6).to(memory_format=torch.channels_last_3d)
    torch.testing.assert_close(ours(image), stock(image))


def test_a_stride_is_kept():
    assert POINTWISE[nn.Conv3d](3, 4, 1, stride=2)(torch.zeros(1, 3, 4, 4, 4)).shape == (1, 4, 2, 2, 2)


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("name", ["acdnet", "vnet", "deeplab"])
def test_networks_have_no_other_ones(plan, name):
    network = build_network(name, PLANS[plan](), input_channels=1, output_channels=2, deep_supervision=True)
    convolutions = [each for each in network.modules() if isinstance(each, (nn.Conv2d, nn.Conv3d))]
    small = [each for each in convolutions if max(each.kernel_size) == 1 and max(each.stride) == 1]
    assert small
    assert {type(each) for each in small} <= set(POINTWISE.values())
