import numpy as np
import pytest
import torch

from nnunet_cscn.data.channels import AppendToTargets, ExtraChannelDataset, SplitExtraChannels, StackedVolumes


class Spy:
    """A volume that records the requested slices."""

    def __init__(self, voxels):
        self.voxels = voxels
        self.shape = voxels.shape
        self.asked = []

    def __getitem__(self, slices):
        self.asked.append(slices)
        return self.voxels[slices]


class FakeCases:
    identifiers = ("b", "a")

    def load_case(self, identifier):
        return np.full((2, 3, 4, 5), ord(identifier)), f"seg of {identifier}", None, {"spacing": (1, 1, 1)}


REGION = (slice(None), slice(1, 3), slice(0, 2), slice(4, 5))


def test_volumes_are_stacked_along_the_channels():
    first, second = np.random.default_rng(0).random((2, 3, 4, 5)), np.arange(60).reshape(1, 3, 4, 5)
    stack = StackedVolumes([first, second])
    assert (stack.shape, stack.ndim, stack.dtype) == ((3, 3, 4, 5), 4, np.float32)
    assert np.array_equal(stack[REGION], np.concatenate([first, second])[REGION].astype(np.float32))
    assert stack[REGION].dtype == np.float32


def test_only_what_is_sliced_is_read():
    spies = [Spy(np.zeros((2, 3, 4, 5))), Spy(np.zeros((1, 3, 4, 5)))]
    stack = StackedVolumes(spies)
    assert [spy.asked for spy in spies] == [[], []]
    assert stack[REGION].shape == (3, 2, 2, 1)
    assert [spy.asked for spy in spies] == [[REGION], [REGION]]


def test_a_single_slice_object_reads_everything():
    assert StackedVolumes([np.zeros((2, 3, 4, 5)), np.ones((1, 3, 4, 5))])[:].shape == (3, 3, 4, 5)


@pytest.mark.parametrize("channels", [0, slice(0, 1), slice(1, None)])
def test_channels_cannot_be_read_one_by_one(channels):
    with pytest.raises(IndexError, match="channels"):
        StackedVolumes([np.zeros((2, 3, 4, 5))])[channels, :, :, :]


def test_volumes_of_different_size_are_refused():
    with pytest.raises(ValueError, match=r"shapes.*\(3, 4, 5\), \(3, 4, 6\)"):
        StackedVolumes([np.zeros((1, 3, 4, 5)), np.zeros((1, 3, 4, 6))])


@pytest.mark.parametrize("load", [ExtraChannelDataset.load_case, ExtraChannelDataset.__getitem__])
def test_a_case_is_handed_out_with_its_extra_channels_behind_the_image(load):
    cases = ExtraChannelDataset(FakeCases(), lambda case: np.full((1, 3, 4, 5), -ord(case)))
    assert cases.identifiers == ("b", "a")
    image, segmentation, previous, properties = load(cases, "a")
    assert image[:][:, 0, 0, 0].tolist() == [97, 97, -97]
    assert (segmentation, previous, properties) == ("seg of a", None, {"spacing": (1, 1, 1)})


def test_the_last_channels_are_hidden_from_the_image():
    image = torch.arange(4.0).reshape(4, 1, 1, 1)
    hidden = SplitExtraChannels(3)(image=image, segmentation="untouched")
    assert hidden["image"].flatten().tolist() == [0]
    assert hidden["regression_target"].flatten().tolist() == [1, 2, 3]
    assert hidden["segmentation"] == "untouched"


def test_hidden_channels_end_up_behind_the_targets():
    shown = AppendToTargets()(segmentation=["full", "half"], regression_target="distance", image="image")
    assert shown == {"segmentation": ["full", "half", "distance"], "image": "image"}
