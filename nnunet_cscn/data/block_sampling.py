"""Sampling of training blocks: three views, random flips, and positions around the tumour."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnunet_cscn.data.patient_axes import HEAD_FEET, LEFT_RIGHT, patient_axes
from nnunet_cscn.data.views import VIEWS, Axes, View, ViewedSegmentation, ViewedVolume

ViewSampler = Callable[[Sequence[int], Mapping[str, Any]], View]
ViewedCase = tuple[ViewedVolume, ViewedVolume, ViewedSegmentation | None, dict[str, Any]]


class ViewedDataset:
    """An nnU-Net data set that returns a new view of a case each time it is loaded.

    Args:
        cases: nnU-Net's data set, or one with extra channels.
        draw: Returns a view, from the shape and the properties of a case.
    """

    def __init__(self, cases: Any, draw: ViewSampler) -> None:
        self._cases = cases
        self._draw = draw
        self.identifiers: list[str] = cases.identifiers

    def load_case(self, identifier: str) -> ViewedCase:
        """Return views of the image, segmentation and previous segmentation, and the adapted properties."""
        image, segmentation, previous, properties = self._cases.load_case(identifier)
        view = self._draw(image.shape[1:], properties)
        seen = {key: view.locations(np.asarray(p).reshape(-1, 4)) for key, p in properties["class_locations"].items()}
        return (
            ViewedVolume(image, view, fill=0),
            ViewedVolume(segmentation, view, fill=-1),  # nnU-Net's value outside the image
            None if previous is None else ViewedSegmentation(previous, view, fill=-1),
            {**properties, "class_locations": seen},
        )

    def __getitem__(self, identifier: str) -> ViewedCase:
        return self.load_case(identifier)


class ThreeViewSampler:
    """Draws axial, coronal and sagittal views. Each three draws contain all of them, in random order."""

    def __init__(self) -> None:
        self._waiting: list[Axes] = []

    def __call__(self, shape: Sequence[int], _properties: Mapping[str, Any]) -> View:
        """Return a view of the whole volume."""
        return View(tuple((0, edge) for edge in shape), self.order())

    def order(self) -> Axes:
        """Return the axis order of the next view."""
        if not self._waiting:
            orders = list(VIEWS.values())
            self._waiting = [orders[index] for index in np.random.permutation(len(orders))]
        return self._waiting.pop()


@dataclass(frozen=True)
class HeadRegion:
    """The part of a volume along the head-feet axis from which blocks are drawn.

    Attributes:
        height_mm: Smallest height of this part; it is larger if the tumour is longer.
        jitter_mm: Largest random shift up or down.
    """

    height_mm: float
    jitter_mm: float

    def sample(self, n_voxels: int, spacing_mm: float, tumour: tuple[int, int] | None) -> tuple[int, int]:
        """Draw the part. It is centred on the tumour, shifted at random, and always contains the whole tumour.

        Args:
            n_voxels: Voxels of the volume along the head-feet axis.
            spacing_mm: Spacing along the head-feet axis.
            tumour: Start and stop index of the tumour; None if there is none.

        Returns:
            Start and stop index.
        """
        first, last = tumour if tumour is not None else (n_voxels // 2, n_voxels // 2)
        height = min(n_voxels, max(round(self.height_mm / spacing_mm), last - first, 1))
        jitter = round(self.jitter_mm / spacing_mm)
        start = (first + last - height) // 2 + int(np.random.randint(-jitter, jitter + 1))
        start = min(max(start, last - height), first)
        start = min(max(start, 0), n_voxels - height)
        return start, start + height


class PaperBlockSampler:
    """Draws blocks as in the paper (sections 4.1, 4.2).

    The views take turns. Each voxel is the centre of a block equally often, so blocks also reach over the border of the
    volume; a voxel at the border is seen half as often as one in the middle. Half of the blocks, chosen at random, are
    flipped left to right. If ``head`` is given, block centres lie in this part.

    Args:
        block_size: Voxels of a block along the axes of the network.
        spacing_mm: Spacing along the axes of the volume.
        transpose_forward: Axis order of the plan.
        head: Part of the volume for the block centres; None for the whole volume.
    """

    def __init__(
        self,
        block_size: Sequence[int],
        spacing_mm: Sequence[float],
        transpose_forward: Sequence[int],
        head: HeadRegion | None,
    ) -> None:
        self._block_size = tuple(int(edge) for edge in block_size)
        self._spacing_mm = tuple(float(step) for step in spacing_mm)
        self._transpose_forward = tuple(transpose_forward)
        self._head = head
        self._views = ThreeViewSampler()

    def __call__(self, shape: Sequence[int], properties: Mapping[str, Any]) -> View:
        """Return a view of the region of block centres, enlarged by half a block on each side."""
        axes = patient_axes(properties, self._transpose_forward)
        order = self._views.order()
        centres = [(0, int(edge)) for edge in shape]
        if self._head is not None:
            body = axes[HEAD_FEET]
            tumour = _extent(properties["class_locations"], body)
            centres[body] = self._head.sample(int(shape[body]), self._spacing_mm[body], tumour)
        reversed_axis = axes[LEFT_RIGHT] if np.random.random() < 0.5 else None
        box = list(centres)
        for edge, axis in zip(self._block_size, order, strict=True):
            # the centre of a block with an even number of voxels is the voxel after its middle, in the direction of the
            # view
            before, behind = edge // 2, edge - edge // 2 - 1
            if axis == reversed_axis:
                before, behind = behind, before
            first, last = centres[axis]
            box[axis] = first - before, last + behind
        return View(tuple(box), order, reversed_axis, tuple(centres))


def _extent(class_locations: Mapping[Any, Any], axis: int) -> tuple[int, int] | None:
    """Return the start and stop index of all labels along an axis, from nnU-Net's sampled class locations."""
    indices = [
        np.asarray(places)[:, 1 + axis]
        for label, places in class_locations.items()
        # nnU-Net also stores all annotated voxels, including background, under a tuple that starts with -1
        if len(places) and not (isinstance(label, tuple) and -1 in label)
    ]
    if not indices:
        return None
    return min(int(i.min()) for i in indices), max(int(i.max()) for i in indices) + 1
