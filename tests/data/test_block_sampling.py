from types import SimpleNamespace

import numpy as np
import pytest
from nnunetv2.training.dataloading.data_loader import nnUNetDataLoader

from nnunet_cscn.data.block_sampling import HeadRegion, PaperBlockSampler, ThreeViewSampler, ViewedDataset
from nnunet_cscn.data.views import VIEWS

SHAPE = (20, 30, 40)
BLOCK = (4, 8, 8)
AXIAL = {"sitk_stuff": {"direction": (1, 0, 0, 0, 1, 0, 0, 0, 1)}}
LABELS = SimpleNamespace(all_labels=[0, 1], has_ignore_label=False)


class Case:
    """One case whose three channels contain the z, y and x index of each voxel."""

    identifiers = ("a",)
    previous = None

    def __init__(self, tumour=((10, 12), (5, 7), (30, 34))):
        self.image = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij")).astype(np.float32) + 1
        self.labels = np.zeros((1, *SHAPE), np.int8)
        self.labels[(0, *(slice(*ends) for ends in tumour))] = 1

    def load_case(self, _identifier):
        properties = {**AXIAL, "class_locations": {1: np.argwhere(self.labels == 1)}}
        return self.image, self.labels, self.previous, properties


def blocks(draw, *, foreground=0.0, batch_size=60, case=None):
    np.random.seed(0)
    cases = ViewedDataset(case or Case(), draw)
    loader = nnUNetDataLoader(cases, batch_size, BLOCK, BLOCK, LABELS, oversample_foreground_percent=foreground)
    batch = loader.generate_train_batch()
    return batch["data"].numpy(), batch["target"].numpy()


def places(block):
    """Return the volume indices of each voxel of a block, (3, *BLOCK); -1 outside the volume."""
    return block.astype(int) - 1


def axis_along(block, axis):
    """Return the volume axis along an axis of a block, and whether it is reversed."""
    inside = (places(block) >= 0).all(axis=0)
    for which in range(3):
        steps = np.diff(places(block)[which], axis=axis)
        both = np.logical_and(np.delete(inside, 0, axis=axis), np.delete(inside, -1, axis=axis))
        if both.any() and set(np.unique(steps[both])) in ({1}, {-1}):
            return which, bool((steps[both] == -1).all())
    raise AssertionError("no axis runs along the block's")


def paper(head=None):
    return PaperBlockSampler(BLOCK, (1.0, 1.0, 1.0), (0, 1, 2), head)


def test_every_three_draws_show_each_view_once():
    np.random.seed(0)
    draw = ThreeViewSampler()
    drawn = [draw(SHAPE, {}).order for _ in range(30)]
    for start in range(0, 30, 3):
        assert sorted(drawn[start : start + 3]) == sorted(VIEWS.values())
    assert len({tuple(drawn[start : start + 3]) for start in range(0, 30, 3)}) > 1


def test_the_short_side_lies_along_all_axes_and_only_left_and_right_are_swapped():
    data, _ = blocks(paper())
    found = [[axis_along(block, axis) for axis in range(3)] for block in data]
    orders = [tuple(which for which, _ in axes) for axes in found]
    assert {orders.count(order) for order in VIEWS.values()} == {20}
    flips = [is_reversed for axes in found for which, is_reversed in axes if which == 2]
    assert 15 <= sum(flips) <= 45
    assert not any(is_reversed for axes in found for which, is_reversed in axes if which != 2)


def test_labels_are_reordered_with_the_image_and_lie_where_they_were():
    case = Case()
    data, labels = blocks(paper(), foreground=1.0, case=case)
    assert all((block == 1).any() for block in labels)  # the class locations moved with the view
    for image, block in zip(data, labels[:, 0], strict=True):
        z, y, x = places(image)
        inside = z >= 0
        np.testing.assert_array_equal(block[inside], case.labels[0][z[inside], y[inside], x[inside]])
        assert (block[~inside] == -1).all()
        assert (image[:, ~inside] == 0).all()


@pytest.mark.parametrize("draw", [ThreeViewSampler(), paper()])
def test_the_segmentation_of_a_previous_stage_is_turned_with_the_labels(draw):
    case = Case()
    case.previous = case.labels[0]  # nnU-Net keeps it without a channel axis
    _, labels = blocks(draw, foreground=0.5, case=case)
    assert labels.shape[1] == 2
    np.testing.assert_array_equal(labels[:, 1], labels[:, 0])


def test_any_voxel_is_the_centre_equally_often():
    np.random.seed(0)
    case = Case()
    cases = ViewedDataset(case, paper())
    loader = nnUNetDataLoader(cases, 1, BLOCK, BLOCK, LABELS, oversample_foreground_percent=0.0)
    centres = []
    for _ in range(600):
        seen, _, _, _ = cases.load_case("a")
        (lower, _) = loader.get_bbox(seen.shape[1:], False, None)
        middle = tuple(slice(edge + half // 2, edge + half // 2 + 1) for edge, half in zip(lower, BLOCK, strict=True))
        centres.append(seen[(slice(None), *middle)].ravel() - 1)
    centres = np.array(centres)
    assert (centres >= 0).all()
    for axis, edge in enumerate(SHAPE):
        thirds = np.histogram(centres[:, axis], bins=3, range=(-0.5, edge - 0.5))[0]
        assert thirds.min() > 150  # 200 expected of each
        assert {0, edge - 1} <= set(centres[:, axis])


@pytest.mark.parametrize("jitter", [0.0, 3.0])
def test_centres_stay_in_the_part_around_the_tumour(jitter):
    head = HeadRegion(height_mm=6.0, jitter_mm=jitter)
    data, _ = blocks(paper(head), batch_size=300)
    levels = []
    for block in data:
        z = places(block)[0][tuple(edge // 2 for edge in BLOCK)]
        levels.append(int(z))
    assert min(levels) == 8 - min(jitter, 2)  # the tumour is 10 to 11; the part never cuts it
    assert max(levels) == 13 + min(jitter, 2)


def test_a_part_is_as_high_as_a_long_tumour_and_never_higher_than_the_volume():
    np.random.seed(0)
    head = HeadRegion(height_mm=10.0, jitter_mm=4.0)
    assert {head.sample(50, 1.0, (12, 40)) for _ in range(20)} == {(12, 40)}
    assert {head.sample(8, 1.0, (2, 4)) for _ in range(20)} == {(0, 8)}
    assert {stop - start for start, stop in (head.sample(50, 2.0, (0, 2)) for _ in range(20))} == {5}
    assert {head.sample(50, 2.0, (48, 50)) for _ in range(20)} <= {(start, start + 5) for start in (43, 44, 45)}


def test_without_a_tumour_the_part_lies_in_the_middle():
    np.random.seed(0)
    assert HeadRegion(10.0, 0.0).sample(50, 1.0, None) == (20, 30)


def test_all_annotated_voxels_are_no_tumour():
    np.random.seed(0)
    draw = PaperBlockSampler((1, 1, 1), (1.0, 1.0, 1.0), (0, 1, 2), HeadRegion(4.0, 0.0))
    everywhere = np.argwhere(np.ones((1, *SHAPE)))
    properties = {**AXIAL, "class_locations": {(-1, 0, 1): everywhere, 1: np.array([[0, 5, 1, 1]]), 2: []}}
    assert draw(SHAPE, properties).box[0] == (3, 7)
