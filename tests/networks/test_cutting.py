import itertools

import pytest
import torch

from nnunet_cscn.networks.cutting import block_grid, cut_blocks, draw_block_origins, grid_origins, tent_weights

WINDOWS = [((7, 5), (3, 2)), ((5, 6, 4), (2, 3, 4)), ((3, 4, 5), (3, 4, 5)), ((4, 4), (1, 1))]
CPU = torch.device("cpu")


def random_block_starts(window, size, *, batch, n_blocks, seed=0):
    """Draw first voxels of blocks, (batch, n_blocks, axes)."""
    generator = torch.Generator().manual_seed(seed)
    spaces = [edge - length + 1 for edge, length in zip(window, size, strict=True)]
    return torch.stack([torch.randint(space, (batch, n_blocks), generator=generator) for space in spaces], dim=-1)


def box(origin, size):
    return tuple(slice(first, first + edge) for first, edge in zip(origin, size, strict=True))


def sliced(volume, origins, size):
    pairs = zip(volume, origins.tolist(), strict=True)
    return torch.stack([sample[(slice(None), *box(origin, size))] for sample, places in pairs for origin in places])


@pytest.mark.parametrize(("window", "size"), WINDOWS)
@pytest.mark.parametrize(("batch", "channels", "n_blocks"), [(1, 1, 1), (2, 3, 4)])
def test_blocks_are_what_slices_give(window, size, batch, channels, n_blocks):
    volume = torch.randn((batch, channels, *window), generator=torch.Generator().manual_seed(1))
    origins = random_block_starts(window, size, batch=batch, n_blocks=n_blocks)
    assert torch.equal(cut_blocks(volume, origins, size), sliced(volume, origins, size))


def test_labels_keep_their_type():
    labels = torch.arange(16, dtype=torch.int16).reshape(1, 1, 4, 4)
    block = cut_blocks(labels, torch.tensor([[[1, 2]]]), (2, 2))
    assert block.dtype == torch.int16
    assert block.flatten().tolist() == [6, 7, 10, 11]


def test_a_block_of_the_whole_window_is_the_window():
    volume = torch.randn(2, 3, 4, 5, 6)
    assert torch.equal(cut_blocks(volume, torch.zeros(2, 1, 3, dtype=torch.long), (4, 5, 6)), volume)


@pytest.mark.parametrize(("window", "size"), WINDOWS)
def test_every_voxel_gets_a_gradient_from_each_block_that_holds_it(window, size):
    volume = torch.zeros((2, 2, *window), requires_grad=True)
    origins = random_block_starts(window, size, batch=2, n_blocks=3)
    cut_blocks(volume, origins, size).sum().backward()
    held = torch.zeros_like(volume)
    for sample, places in enumerate(origins.tolist()):
        for origin in places:
            held[(sample, slice(None), *box(origin, size))] += 1
    assert torch.equal(volume.grad, held)


@pytest.mark.parametrize(("window", "size"), WINDOWS)
@pytest.mark.parametrize(("n_blocks", "n_random"), [(1, 0), (1, 1), (3, 0), (4, 2), (3, 3)])
@pytest.mark.parametrize("uncertainty", [0.0, 1.0])
def test_there_are_as_many_blocks_as_asked_for_all_of_them_inside(window, size, n_blocks, n_random, uncertainty):
    torch.manual_seed(0)
    origins = draw_block_origins(torch.full((5, 1, *window), uncertainty), size, n_blocks, n_random)
    assert origins.shape == (5, n_blocks, len(window))
    assert not origins.is_floating_point()
    assert origins.min() >= 0
    assert (origins + torch.tensor(size) <= torch.tensor(window)).all()


def test_all_blocks_hold_the_only_uncertain_voxel():
    torch.manual_seed(0)
    uncertainty = torch.zeros(50, 1, 24, 24)
    uncertainty[:, :, 13, 9] = 1e8  # much larger than the noise
    origins = draw_block_origins(uncertainty, (8, 8), 4, 0)
    assert ((origins <= torch.tensor([13, 9])) & (origins > torch.tensor([13 - 8, 9 - 8]))).all()
    assert len(origins[0].unique(dim=0)) == 4


def test_the_only_uncertain_corner_has_one_block():
    torch.manual_seed(0)
    uncertainty = torch.zeros(50, 1, 12, 8, 16)
    uncertainty[:, :, -1, 0, -1] = 1e8
    assert draw_block_origins(uncertainty, (4, 4, 8), 1, 0).unique(dim=0).tolist() == [[[8, 0, 8]]]


def test_each_place_is_as_likely_as_the_uncertainty_inside():
    torch.manual_seed(0)
    uncertainty = torch.zeros(4000, 1, 4, 8)
    uncertainty[..., :4] = 1  # blocks from columns 0, 1, 2, 3 and 4 on are 1, 3/4, 1/2, 1/4 and 0 uncertain
    origins = draw_block_origins(uncertainty, (4, 4), 1, 0).reshape(-1, 2)
    shares = torch.bincount(origins[:, 1], minlength=5) / 4000
    torch.testing.assert_close(shares, torch.tensor([0.4, 0.3, 0.2, 0.1, 0.0]), atol=0.03, rtol=0)


def test_uncertain_blocks_lie_a_quarter_of_their_edge_apart():
    torch.manual_seed(0)
    origins = draw_block_origins(torch.ones(500, 1, 16, 6), (8, 4), 1, 0).reshape(-1, 2)
    assert origins[:, 0].unique().tolist() == [0, 2, 4, 6, 8]
    assert origins[:, 1].unique().tolist() == [0, 1, 2]


def test_random_blocks_lie_everywhere_whatever_is_uncertain():
    torch.manual_seed(0)
    uncertainty = torch.zeros(600, 1, 5, 4)
    uncertainty[:, :, 0, 0] = 1e8
    origins = draw_block_origins(uncertainty, (3, 2), 3, 3).reshape(-1, 2)
    found, counts = origins.unique(dim=0, return_counts=True)
    assert found.tolist() == [list(place) for place in itertools.product(range(3), range(3))]
    assert counts.min() > 160  # 200 each are expected, with a standard deviation of 13
    assert counts.max() < 240


def test_random_blocks_follow_those_that_are_uncertain():
    torch.manual_seed(0)
    uncertainty = torch.zeros(300, 1, 8, 8)
    uncertainty[:, :, 0, 0] = 1e8
    origins = draw_block_origins(uncertainty, (4, 4), 3, 2)
    assert origins[:, 0].unique(dim=0).tolist() == [[0, 0]]
    assert len(origins[:, 1:].reshape(-1, 2).unique(dim=0)) == 25


def test_the_seed_decides_where_blocks_lie():
    uncertainty = torch.rand((2, 1, 32, 32), generator=torch.Generator().manual_seed(1))
    drawn = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        drawn.append(draw_block_origins(uncertainty, (8, 8), 4, 2))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


def test_more_blocks_than_places_repeat_the_places():
    torch.manual_seed(0)
    assert draw_block_origins(torch.rand(2, 1, 4, 4), (4, 4), 5, 0).tolist() == [[[0, 0]] * 5] * 2
    origins = draw_block_origins(torch.rand(3, 1, 4, 5), (4, 4), 5, 0)
    assert all(sorted(torch.bincount(sample[:, 1]).tolist()) == [2, 3] for sample in origins)


@pytest.mark.parametrize(
    ("window", "size", "overlap", "unit", "expected"),
    [
        (16, 16, 0.25, 2, [0]),
        (20, 8, 0.25, 1, [0, 6, 12]),
        (20, 8, 0.0, 1, [0, 6, 12]),  # two blocks would leave 4 voxels out
        (24, 8, 0.0, 1, [0, 8, 16]),
        (24, 8, 0.5, 4, [0, 4, 8, 12, 16]),
        (24, 8, 0.9, 4, [0, 4, 8, 12, 16]),  # no step is shorter than the unit
        (9, 8, 0.25, 1, [0, 1]),
        (18, 8, 0.25, 2, [0, 4, 10]),  # 5 is between two units
    ],
)
def test_origins_along_an_axis_are_those_counted_by_hand(window, size, overlap, unit, expected):
    assert block_grid((window,), (size,), overlap, (unit,)) == [expected]


@pytest.mark.parametrize("overlap", [0.0, 0.1, 0.25, 0.5, 0.75])
@pytest.mark.parametrize("unit", [1, 2, 4])
def test_blocks_cover_the_window_and_overlap_at_least_as_told(overlap, unit):
    for size in (unit * n for n in (2, 3, 4, 5, 8)):
        for window in range(size, 8 * size, unit):
            (along,) = block_grid((window,), (size,), overlap, (unit,))
            assert (along[0], along[-1]) == (0, window - size)
            assert all(origin % unit == 0 for origin in along)
            longest = max(unit, size * (1 - overlap))  # up to size, so no voxel is left out
            assert all(0 < after - before <= longest for before, after in itertools.pairwise(along))


def test_each_axis_has_origins_of_its_own():
    assert block_grid((8, 16, 12), (8, 8, 4), 0.25, (1, 2, 4)) == [[0], [0, 4, 8], [0, 4, 8]]


def test_corners_are_all_combinations_the_last_axis_first():
    assert grid_origins([[0], [0, 4], [0, 2, 3]]) == [(0, 0, 0), (0, 0, 2), (0, 0, 3), (0, 4, 0), (0, 4, 2), (0, 4, 3)]


@pytest.mark.parametrize(
    ("edge", "expected"), [(1, [1.0]), (2, [0.5, 0.5]), (3, [1 / 3, 1.0, 1 / 3]), (4, [0.25, 0.75, 0.75, 0.25])]
)
def test_weights_fall_from_the_middle_to_the_border(edge, expected):
    assert tent_weights((edge,), device=CPU).tolist() == pytest.approx(expected)


def test_weights_of_several_axes_are_multiplied():
    assert tent_weights((4, 3), device=CPU).tolist() == [
        pytest.approx([0.25 / 3, 0.25, 0.25 / 3]),
        pytest.approx([0.75 / 3, 0.75, 0.75 / 3]),
        pytest.approx([0.75 / 3, 0.75, 0.75 / 3]),
        pytest.approx([0.25 / 3, 0.25, 0.25 / 3]),
    ]


@pytest.mark.parametrize("size", [(7, 4), (128, 128, 64), (1, 5, 6)])
def test_weights_are_symmetric_and_never_0(size):
    weight = tent_weights(size, device=CPU)
    assert weight.shape == size
    assert weight.min() > 0
    assert all(torch.equal(weight, weight.flip(axis)) for axis in range(len(size)))


def test_the_last_voxels_of_a_window_get_blocks_too():
    peak = torch.zeros(1, 1, 11, 11)
    peak[..., 10, 10] = 1
    assert draw_block_origins(peak, (8, 8), 1, 0).tolist() == [[[3, 3]]]


def test_a_window_smaller_than_a_block_has_no_lattice():
    with pytest.raises(ValueError, match=r"window: .*\(16, 4\)"):
        block_grid((16, 4), (8, 8), 0.25, (1, 1))
