import itertools

import blosc2
import numpy as np
import pytest

from nnunet_cscn.data.views import VIEWS, View, ViewedVolume

SHAPE = (5, 7, 9)
BOXES = [((0, 5), (0, 7), (0, 9)), ((1, 4), (2, 7), (0, 5)), ((-2, 6), (-3, 9), (-1, 12)), ((3, 9), (-4, 2), (2, 3))]
VIEWS_TO_CHECK = [View(b, order, axis) for b, order, axis in itertools.product(BOXES, VIEWS.values(), (None, 0, 1, 2))]


def seen(volume, view, fill):
    """Return a view of a whole volume, made by padding the whole volume first."""
    wide = np.pad(volume, [(0, 0)] + [(20, 20)] * 3, constant_values=fill)
    part = wide[(slice(None), *(slice(20 + start, 20 + stop) for start, stop in view.box))]
    if view.reversed_axis is not None:
        part = np.flip(part, 1 + view.reversed_axis)
    return part.transpose(0, *(1 + axis for axis in view.order))


@pytest.fixture(scope="module")
def volume():
    return np.random.default_rng(0).integers(0, 1000, (2, *SHAPE)).astype(np.int16)


@pytest.mark.parametrize("view", VIEWS_TO_CHECK)
def test_whole_and_part_are_what_padding_reordering_and_reversing_gives(volume, view):
    expected = seen(volume, view, fill=-1)
    viewed = ViewedVolume(volume, view, fill=-1)
    assert viewed.shape == expected.shape
    everything = (slice(None),) * 4
    np.testing.assert_array_equal(viewed[everything], expected)
    random = np.random.default_rng(1)
    for _ in range(5):
        ends = [np.sort(random.integers(0, edge + 1, 2)) for edge in expected.shape[1:]]
        part = (slice(None), *(slice(int(a), int(b)) for a, b in ends))
        np.testing.assert_array_equal(viewed[part], expected[part])


@pytest.mark.parametrize("view", VIEWS_TO_CHECK)
def test_locations_move_with_the_voxels(volume, view):
    places = np.argwhere(np.ones((1, *SHAPE)))
    moved = view.locations(places)
    viewed = seen(volume, view, fill=-1)
    is_seen = np.all([(places[:, 1 + a] >= view.box[a][0]) & (places[:, 1 + a] < view.box[a][1]) for a in range(3)], 0)
    assert len(moved) == is_seen.sum()
    np.testing.assert_array_equal(viewed[tuple(moved.T)], volume[tuple(places[is_seen].T)])


def test_locations_of_a_case_are_left_as_they_are():
    places = np.array([[0, 1, 2, 3]])
    View(((0, 5), (0, 7), (0, 9)), (0, 1, 2), reversed_axis=2).locations(places)
    assert places.tolist() == [[0, 1, 2, 3]]


def test_only_the_part_is_read_from_disk(volume, tmp_path):
    stored = blosc2.asarray(volume, urlpath=str(tmp_path / "a.b2nd"))

    class Watched:
        shape = stored.shape
        asked = None

        def __getitem__(self, slices):
            self.asked = slices
            return stored[slices]

    watched = Watched()
    part = ViewedVolume(watched, View(BOXES[2], VIEWS["sagittal"], 2), fill=0)[:, 0:4, 3:6, 2:4]
    assert watched.asked == (slice(None), slice(1, 4), slice(0, 1), slice(8, 9))
    assert part.shape == (2, 4, 3, 2)
    assert part.flags["C_CONTIGUOUS"]


def test_channels_are_read_all_at_once(volume):
    viewed = ViewedVolume(volume, VIEWS_TO_CHECK[0], fill=0)
    with pytest.raises(IndexError, match="slices"):
        viewed[0:1, 0:2, 0:2, 0:2]


def test_the_short_side_lies_along_each_axis_once():
    assert sorted(order[0] for order in VIEWS.values()) == [0, 1, 2]
    assert all(sorted(order) == [0, 1, 2] for order in VIEWS.values())
