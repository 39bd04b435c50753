"""Instance normalisation as group normalisation."""

import pytest
import torch
from torch import nn

from nnunet_cscn.networks.instance_norm import FASTER_NORM
from nnunet_cscn.networks.registry import build_network
from tests.networks.graphs import nodes_behind
from tests.networks.tiny_plans import PLANS


@pytest.mark.parametrize(
    ("kind", "channels", "shape"),
    [
        (nn.InstanceNorm2d, 3, (2, 3, 4, 5)),
        (nn.InstanceNorm3d, 3, (2, 3, 4, 5, 6)),
        (nn.InstanceNorm3d, 1, (1, 1, 2, 2, 2)),
        (nn.InstanceNorm3d, 3, (3, 4, 5, 6)),  # no batch
    ],
)
@pytest.mark.parametrize("options", [{}, {"affine": True}, {"affine": True, "track_running_stats": True}])
def test_results_and_gradients_are_those_of_torch(kind, channels, shape, options):
    torch.manual_seed(0)
    stock = kind(channels, eps=1e-3, **options).double()
    for parameter in stock.parameters():
        nn.init.normal_(parameter)
    ours = FASTER_NORM[kind](channels, eps=1e-3, **options).double()
    ours.load_state_dict(stock.state_dict())
    image = torch.randn(shape, dtype=torch.float64)
    results = []
    for norm in (stock, ours):
        x = image.clone().requires_grad_()
        y = nn.LeakyReLU(0.01, inplace=True)(norm(x))
        (y * image.cos()).sum().backward()
        with torch.no_grad():
            results.append([y, x.grad, *(each.grad for each in norm.parameters()), norm.eval()(image)])
    for own, expected in zip(*results, strict=True):
        torch.testing.assert_close(own, expected)


def test_channels_last_in_memory_are_as_precise_as_in_torch():
    image = (torch.randn(2, 3, 6, 8, 8, generator=torch.Generator().manual_seed(0)) + 30).contiguous(
        memory_format=torch.channels_last_3d
    )
    exact = nn.InstanceNorm3d(3)(image.double())
    torch.testing.assert_close(FASTER_NORM[nn.InstanceNorm3d](3)(image).double(), exact, atol=1e-4, rtol=0)


def test_one_voxel_is_refused_as_torch_does():
    with pytest.raises(ValueError, match="more than 1 spatial element"):
        FASTER_NORM[nn.InstanceNorm3d](3)(torch.zeros(2, 3, 1, 1, 1))


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("name", ["bunet", "cscn", "acdnet"])
def test_no_activation_in_place_copies_a_gradient(plan, name):
    configuration = PLANS[plan]()
    if plan == "one stage":
        configuration["cscn"] = {"coarse": {"resolution": "full"}}
    network = build_network(name, configuration, input_channels=1, output_channels=2, deep_supervision=True)
    outputs = network(torch.zeros(2, 1, *configuration["patch_size"]))
    assert "CopySlices" not in nodes_behind(outputs)
