"""Dilated convolutions on subgrids, against torch's own."""

import pytest
import torch
from torch import nn

from nnunet_cscn.networks.dilated import DILATED, join_subgrids, split_into_subgrids


@pytest.mark.parametrize("steps", [(2, 2, 2), (1, 3, 2), (4, 1, 1)])
def test_joining_undoes_splitting(steps):
    x = torch.randn(2, 3, 5, 7, 6)
    parts = split_into_subgrids(x, steps)
    assert parts.shape[0] == 2 * steps[0] * steps[1] * steps[2]
    assert torch.equal(join_subgrids(parts, steps, (5, 7, 6)), x)


def test_a_subgrid_has_every_second_voxel():
    x = torch.arange(6.0).reshape(1, 1, 1, 6)
    assert split_into_subgrids(x, (1, 2)).flatten(1).tolist() == [[0, 2, 4], [1, 3, 5]]


@pytest.mark.parametrize(
    ("conv", "kernel", "dilation", "size"),
    [
        (nn.Conv3d, (3, 3, 3), (2, 2, 2), (8, 8, 8)),
        (nn.Conv3d, (3, 3, 3), (4, 4, 4), (9, 10, 11)),
        (nn.Conv3d, (1, 3, 3), (1, 2, 4), (4, 9, 9)),
        (nn.Conv3d, (5, 3, 3), (2, 1, 2), (9, 6, 8)),
        (nn.Conv2d, (3, 3), (2, 4), (11, 12)),
    ],
)
@pytest.mark.parametrize("bias", [True, False])
def test_outputs_and_gradients_are_those_of_torch(conv, kernel, dilation, size, bias):
    padding = tuple(d * (k - 1) // 2 for k, d in zip(kernel, dilation, strict=True))
    plain = conv(3, 2, kernel, padding=padding, dilation=dilation, bias=bias).double()
    ours = DILATED[conv](3, 2, kernel, padding=padding, dilation=dilation, bias=bias).double()
    ours.load_state_dict(plain.state_dict())
    inputs = [torch.randn(2, 3, *size, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) for _ in "ab"]
    outputs = [layer(x.requires_grad_()) for layer, x in zip((plain, ours), inputs, strict=True)]
    factor = torch.randn_like(outputs[0])
    for output in outputs:
        (output * factor).sum().backward()
    torch.testing.assert_close(outputs[1], outputs[0])
    torch.testing.assert_close(inputs[1].grad, inputs[0].grad)
    torch.testing.assert_close(ours.weight.grad, plain.weight.grad)
    with torch.no_grad():  # another way
        torch.testing.assert_close(ours(inputs[1]), outputs[0])
