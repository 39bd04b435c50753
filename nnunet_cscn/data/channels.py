"""Carry extra voxel channels beside the image through nnU-Net's loader and augmentation.

Three steps, none of which changes nnU-Net: the data set hands out image and extra channels as one lazy volume, the
first transform moves the extra channels to where only spatial transforms reach them, the last one hands them on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from batchgeneratorsv2.transforms.base.basic_transform import BasicTransform
from batchgeneratorsv2.transforms.utils.compose import ComposeTransforms
from nnunetv2.training.dataloading.nnunet_dataset import nnUNetBaseDataset
from numpy.typing import NDArray


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
        return np.concatenate([np.asarray(v[slices], dtype=np.float32) for v in self._volumes])


class ExtraChannelDataset:
    """One of nnU-Net's data sets with more channels behind the image's.

    Args:
        cases: nnU-Net's data set.
        extra: Returns the extra volume (C, Z, Y, X) of a case.
    """

    def __init__(self, cases: nnUNetBaseDataset, extra: Callable[[str], Volume]) -> None:
        self._cases = cases
        self._extra = extra
        self.identifiers: list[str] = cases.identifiers

    def load_case(self, identifier: str) -> tuple[StackedVolumes, Any, Any, Any]:
        """Return image with extra channels, segmentation, previous segmentation, properties."""
        image, segmentation, previous, properties = self._cases.load_case(identifier)
        return StackedVolumes([image, self._extra(identifier)]), segmentation, previous, properties

    def __getitem__(self, identifier: str) -> tuple[StackedVolumes, Any, Any, Any]:
        return self.load_case(identifier)


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


class AppendToTargets(BasicTransform):  # type: ignore[misc]
    """Put the hidden channels behind the targets of all scales: ``[labels per scale ..., hidden channels]``."""

    def apply(self, data_dict: dict[str, Any], **_params: Any) -> dict[str, Any]:
        """Lengthen the list of targets."""
        data_dict["segmentation"] = [*data_dict["segmentation"], data_dict.pop("regression_target")]
        return data_dict


def carrying_target_channels(transforms: BasicTransform, n_extra: int) -> BasicTransform:
    """Return nnU-Net's transforms, which then carry ``n_extra`` channels from behind the image to the targets."""
    return ComposeTransforms([HideExtraChannels(n_extra), transforms, AppendToTargets()])
