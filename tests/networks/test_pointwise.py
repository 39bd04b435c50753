"""Convolutions with a kernel of one voxel, computed as matrix products."""

import pytest
import torch
from torch import nn

from nnunet_cscn.networks.pointwise import POINTWISE
from nnunet_cscn.networks.registry import build_network
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


def test_memory_layouts_may_differ():
    ours = POINTWISE[nn.Conv3d](3, 4, 1)
    image = torch.randn(2, 3, 4, 5, 6)
    torch.testing.assert_close(ours(image.to(memory_format=torch.channels_last_3d)), ours(image))


@pytest.mark.parametrize("plan", PLANS)
def test_the_fine_network_has_no_other_ones(plan):
    network = build_network("acdnet", PLANS[plan](), input_channels=1, output_channels=2, deep_supervision=True)
    convolutions = [each for each in network.modules() if isinstance(each, (nn.Conv2d, nn.Conv3d))]
    small = [each for each in convolutions if max(each.kernel_size) == 1 and max(each.stride) == 1]
    assert small
    assert {type(each) for each in small} <= set(POINTWISE.values())
