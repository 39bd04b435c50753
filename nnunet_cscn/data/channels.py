"""Pass extra channels, such as distance maps, through nnU-Net's data loader and augmentation.

There are three steps, and nnU-Net is not changed. The data set returns image and extra channels as one lazily read
volume. The first transform moves the extra channels to where only spatial transforms change them. The last transform
adds them to the network's input or to the targets.
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
    """The part of an array that nnU-Net's data loader uses: (C, Z, Y, X), sliced lazily."""

    @property
    def shape(self) -> tuple[int, ...]: ...  # noqa: D102

    def __getitem__(self, slices: Any) -> NDArray[Any]: ...


class StackedVolumes:
    """Several volumes stacked along the channels. Only the sliced part is read.

    Raises:
        ValueError: If their spatial shapes differ.

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
        """Return all channels of the sliced region. The first slice, of the channels, must be ``slice(None)``."""
        slices = slices if isinstance(slices, tuple) else (slices,)
        if slices[0] != slice(None):
            raise IndexError(f"slices: channels can only be read all at once, got {slices[0]}")
        parts = [v[slices] for v in self._volumes]
        stacked = np.empty((self.shape[0], *parts[0].shape[1:]), dtype=np.float32)
        np.concatenate(parts, out=stacked, casting="same_kind")  # converts half precision to float32
        return stacked


class ExtraChannelDataset:
    """An nnU-Net data set with extra channels after the image channels.

    Args:
        cases: nnU-Net's data set.
        extras: Functions that return an extra volume (C, Z, Y, X) of a case.
    """

    def __init__(self, cases: nnUNetBaseDataset, *extras: Callable[[str], Volume]) -> None:
        self._cases = cases
        self._extras = extras
        self.identifiers: list[str] = cases.identifiers

    def load_case(self, identifier: str) -> tuple[StackedVolumes, Any, Any, Any]:
        """Return the image with extra channels, the segmentation, the previous segmentation and the properties."""
        image, segmentation, previous, properties = self._cases.load_case(identifier)
        volumes = [image, *(extra(identifier) for extra in self._extras)]
        return StackedVolumes(volumes), segmentation, previous, properties

    def __getitem__(self, identifier: str) -> tuple[StackedVolumes, Any, Any, Any]:
        return self.load_case(identifier)


@dataclass(frozen=True)
class ExtraInputs:
    """Input channels of a network in addition to the image.

    Attributes:
        load: Returns the channels of a case, (C, Z, Y, X).
        n_channels: Number of these channels.
        augmentation: Training transforms of the image with these channels after it.
    """

    load: Callable[[str], Volume]
    n_channels: int
    augmentation: Sequence[BasicTransform] = ()


class SplitExtraChannels(BasicTransform):  # type: ignore[misc]
    """Move the last channels of the image to ``regression_target``.

    There, spatial transforms change them together with the image, and intensity transforms do not.
    """

    def __init__(self, n_extra: int) -> None:
        super().__init__()
        self.n_extra = n_extra

    def apply(self, data_dict: dict[str, Any], **_params: Any) -> dict[str, Any]:
        """Split the image channels from the extra channels."""
        image = data_dict["image"]
        data_dict["image"] = image[: -self.n_extra]
        data_dict["regression_target"] = image[-self.n_extra :]
        return data_dict


class RestoreInputChannels(BasicTransform):  # type: ignore[misc]
    """Move the first extra channels from ``regression_target`` back behind the image channels."""

    def __init__(self, n_inputs: int) -> None:
        super().__init__()
        self.n_inputs = n_inputs

    def apply(self, data_dict: dict[str, Any], **_params: Any) -> dict[str, Any]:
        """Append the input channels to the image."""
        hidden = data_dict["regression_target"]
        data_dict["image"] = torch.cat([data_dict["image"], hidden[: self.n_inputs]])
        data_dict["regression_target"] = hidden[self.n_inputs :]
        return data_dict


class AppendToTargets(BasicTransform):  # type: ignore[misc]
    """Append the remaining extra channels to the targets: ``[labels of each scale ..., extra channels]``."""

    def apply(self, data_dict: dict[str, Any], **_params: Any) -> dict[str, Any]:
        """Append the extra channels to the list of targets, if there are any."""
        hidden = data_dict.pop("regression_target")
        if len(hidden):
            data_dict["segmentation"] = [*data_dict["segmentation"], hidden]
        return data_dict


def with_extra_channels(
    transforms: BasicTransform, *, n_inputs: int = 0, n_targets: int = 0, on_inputs: Sequence[BasicTransform] = ()
) -> BasicTransform:
    """Return nnU-Net's transforms, extended so that they also transform the extra channels after the image.

    Args:
        transforms: nnU-Net's transforms.
        n_inputs: Number of extra channels for the network. They come first and follow the image channels at the end.
        n_targets: Number of extra channels for the loss only. They follow the targets at the end.
        on_inputs: Transforms of the image with the extra input channels, applied at the end.
    """
    if n_inputs + n_targets == 0:
        return transforms
    shown = [RestoreInputChannels(n_inputs), *on_inputs] if n_inputs else []
    return ComposeTransforms([SplitExtraChannels(n_inputs + n_targets), transforms, *shown, AppendToTargets()])
