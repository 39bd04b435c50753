"""Carry extra voxel channels beside the image through nnU-Net's loader and augmentation.

Three steps, none of which changes nnU-Net: the data set hands out image and extra channels as one lazy volume, the
first transform moves the extra channels to where only spatial transforms reach them, the last one hands them on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from batchgeneratorsv2.transforms.base.basic_transform import BasicTransform
from batchgeneratorsv2.transforms.utils.compose import ComposeTransforms
from numpy.typing import NDArray

from nnunet_cscn.nnunet.datasets import nnUNetBaseDataset


class Volume(Protocol):
    """What nnU-Net's loader needs of a volume: (C, Z, Y, X), sliced lazily."""

    @property
    def shape(self) -> tuple[int, ...]: ...  # noqa: D102

    def __getitem__(self, slices: Any) -> NDArray[Any]: ...


class StackedVolumes:
    """Several volumes seen as one, stacked along the channels; only what is sliced is read.

    Raises:
        ValueError: When their spatial shapes differ.

    Example:
        >>> stack = StackedVolumes([np.zeros((1, 4, 4, 4)), np.ones((2, 4, 4, 4))])
        >>> stack.shape, stack[:, :2, 0, 0].shape
        ((3, 4, 4, 4), (3, 2))
    """

    ndim = 4
    dtype = np.dtype(np.float32)

    def __init__(self, volumes: Sequence[Volume]) -> None:
        shapes = {tuple(v.shape[1:]) for v in volumes}
        if len(shapes) != 1:
            raise ValueError(f"volumes: expected equal spatial shapes, got {sorted(shapes)}")
        self._volumes = tuple(volumes)
        self.shape = (sum(v.shape[0] for v in volumes), *shapes.pop())

    def __getitem__(self, slices: Any) -> NDArray[np.float32]:
        """Return all channels of the sliced region; the first slice, over the channels, must be a full one."""
        slices = slices if isinstance(slices, tuple) else (slices,)
        if slices[0] != slice(None):
            raise IndexError(f"slices: channels can only be read all at once, got {slices[0]}")
        parts = [v[slices] for v in self._volumes]
        stacked = np.empty((self.shape[0], *parts[0].shape[1:]), dtype=np.float32)
        np.concatenate(parts, out=stacked, casting="same_kind")  # half precision becomes float32 on the way
        return stacked


class ExtraChannelDataset:
    """One of nnU-Net's data sets with more channels behind the image's.

    Args:
        cases: nnU-Net's data set.
        extras: Each returns an extra volume (C, Z, Y, X) of a case.
    """

    def __init__(self, cases: nnUNetBaseDataset, *extras: Callable[[str], Volume]) -> None:
        self._cases = cases
        self._extras = extras
        self.identifiers: list[str] = cases.identifiers

    def load_case(self, identifier: str) -> tuple[StackedVolumes, Any, Any, Any]:
        """Return image with extra channels, segmentation, previous segmentation, properties."""
        image, segmentation, previous, properties = self._cases.load_case(identifier)
        volumes = [image, *(extra(identifier) for extra in self._extras)]
        return StackedVolumes(volumes), segmentation, previous, properties

    def __getitem__(self, identifier: str) -> tuple[StackedVolumes, Any, Any, Any]:
        return self.load_case(identifier)


@dataclass(frozen=True)
class ExtraInputs:
    """Channels that a network sees beside the image.

    Attributes:
        load: Returns those of a case, (C, Z, Y, X).
        n_channels: How many they are.
        augmentation: What happens to the image with these channels behind it, in training.
    """

    load: Callable[[str], Volume]
    n_channels: int
    augmentation: Sequence[BasicTransform] = ()


class HideExtraChannels(BasicTransform):  # type: ignore[misc]
    """Move the last channels of the image to ``regression_target``.

    There they follow rotation, scaling, mirroring and cropping, and no intensity transform sees them.
    """

    def __init__(self, n_extra: int) -> None:
        super().__init__()
        self.n_extra = n_extra

    def apply(self, data_dict: dict[str, Any], **_params: Any) -> dict[str, Any]:
        """Split the image."""
        image = data_dict["image"]
        data_dict["image"] = image[: -self.n_extra]
        data_dict["regression_target"] = image[-self.n_extra :]
        return data_dict


class ShowInputChannels(BasicTransform):  # type: ignore[misc]
    """Put the first hidden channels back behind the image's."""

    def __init__(self, n_inputs: int) -> None:
        super().__init__()
        self.n_inputs = n_inputs

    def apply(self, data_dict: dict[str, Any], **_params: Any) -> dict[str, Any]:
        """Lengthen the image."""
        hidden = data_dict["regression_target"]
        data_dict["image"] = torch.cat([data_dict["image"], hidden[: self.n_inputs]])
        data_dict["regression_target"] = hidden[self.n_inputs :]
        return data_dict


class AppendToTargets(BasicTransform):  # type: ignore[misc]
    """Put the hidden channels behind the targets of all scales: ``[labels per scale ..., hidden channels]``."""

    def apply(self, data_dict: dict[str, Any], **_params: Any) -> dict[str, Any]:
        """Lengthen the list of targets, where there is anything to put there."""
        hidden = data_dict.pop("regression_target")
        if len(hidden):
            data_dict["segmentation"] = [*data_dict["segmentation"], hidden]
        return data_dict


def carrying_extra_channels(
    transforms: BasicTransform, *, n_inputs: int = 0, n_targets: int = 0, on_inputs: Sequence[BasicTransform] = ()
) -> BasicTransform:
    """Return nnU-Net's transforms, made to carry the extra channels behind the image.

    Args:
        transforms: nnU-Net's own.
        n_inputs: Extra channels that the network sees; they come first, and stay behind the image.
        n_targets: Extra channels that only the loss sees; they go behind the targets.
        on_inputs: What happens to the image with the input channels behind it, at the end.
    """
    if n_inputs + n_targets == 0:
        return transforms
    shown = [ShowInputChannels(n_inputs), *on_inputs] if n_inputs else []
    return ComposeTransforms([HideExtraChannels(n_inputs + n_targets), transforms, *shown, AppendToTargets()])
