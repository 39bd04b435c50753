"""Where blocks are drawn from: along three views, around any voxel, flipped, near the tumour's level."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnunet_cscn.data.patient_axes import HEAD_FEET, LEFT_RIGHT, patient_axes
from nnunet_cscn.data.views import VIEWS, Axes, Turn, TurnedSegmentation, TurnedVolume

Draw = Callable[[Sequence[int], Mapping[str, Any]], Turn]
Seen = tuple[TurnedVolume, TurnedVolume, TurnedSegmentation | None, dict[str, Any]]


class TurnedDataset:
    """One of nnU-Net's data sets whose cases are seen in another way each time.

    Args:
        cases: nnU-Net's data set, or one with more channels.
        draw: Returns how a case is seen, from its shape and its properties.
    """

    def __init__(self, cases: Any, draw: Draw) -> None:
        self._cases = cases
        self._draw = draw
        self.identifiers: list[str] = cases.identifiers

    def load_case(self, identifier: str) -> Seen:
        """Return image, segmentation, previous segmentation and properties, all as they are seen this time."""
        image, segmentation, previous, properties = self._cases.load_case(identifier)
        turn = self._draw(image.shape[1:], properties)
        seen = {key: turn.locations(np.asarray(p).reshape(-1, 4)) for key, p in properties["class_locations"].items()}
        return (
            TurnedVolume(image, turn, fill=0),
            TurnedVolume(segmentation, turn, fill=-1),  # nnU-Net's value for what lies outside
            None if previous is None else TurnedSegmentation(previous, turn, fill=-1),
            {**properties, "class_locations": seen},
        )

    def __getitem__(self, identifier: str) -> Seen:
        return self.load_case(identifier)


class ThreeViews:
    """Draws the views: of every three, each once, in random order."""

    def __init__(self) -> None:
        self._waiting: list[Axes] = []

    def __call__(self, shape: Sequence[int], _properties: Mapping[str, Any]) -> Turn:
        """Return a turn of the whole volume."""
        return Turn(tuple((0, edge) for edge in shape), self.order())

    def order(self) -> Axes:
        """Return the next view's order of the axes."""
        if not self._waiting:
            orders = list(VIEWS.values())
            self._waiting = [orders[index] for index in np.random.permutation(len(orders))]
        return self._waiting.pop()


@dataclass(frozen=True)
class Head:
    """The part of a volume along the body that blocks are drawn from.

    Attributes:
        height_mm: Its height, at least; a longer tumour makes it longer.
        jitter_mm: How far it is moved up or down at random, at most.
    """

    height_mm: float
    jitter_mm: float

    def drawn(self, n_voxels: int, spacing_mm: float, tumour: tuple[int, int] | None) -> tuple[int, int]:
        """Draw the part: around the tumour's middle, moved, never cutting the tumour.

        Args:
            n_voxels: Of the volume, along the body.
            spacing_mm: Of its voxels, along the body.
            tumour: Its first voxel and the one behind its last; None where there is none.

        Returns:
            First voxel and the one behind the last.
        """
        first, last = tumour if tumour is not None else (n_voxels // 2, n_voxels // 2)
        height = min(n_voxels, max(round(self.height_mm / spacing_mm), last - first, 1))
        jitter = round(self.jitter_mm / spacing_mm)
        start = (first + last - height) // 2 + int(np.random.randint(-jitter, jitter + 1))
        start = min(max(start, last - height), first)
        start = min(max(start, 0), n_voxels - height)
        return start, start + height


class PaperBlocks:
    """Draws blocks as the paper does (sections 4.1, 4.2).

    The views in turn; any voxel is a block's centre equally often, so that the border is seen too (half as often as the
    middle); half of the blocks, at random, are flipped left to right; where a head is given, centres lie in it.

    Args:
        block_size: Voxels along the network's axes.
        spacing_mm: Size of a voxel along the volume's axes.
        transpose_forward: The plan's order of the axes.
        head: The part along the body; None for the whole volume.
    """

    def __init__(
        self,
        block_size: Sequence[int],
        spacing_mm: Sequence[float],
        transpose_forward: Sequence[int],
        head: Head | None,
    ) -> None:
        self._block_size = tuple(int(edge) for edge in block_size)
        self._spacing_mm = tuple(float(step) for step in spacing_mm)
        self._transpose_forward = tuple(transpose_forward)
        self._head = head
        self._views = ThreeViews()

    def __call__(self, shape: Sequence[int], properties: Mapping[str, Any]) -> Turn:
        """Return a turn of the volume and as much around it as blocks reach over its border."""
        axes = patient_axes(properties, self._transpose_forward)
        order = self._views.order()
        centres = [(0, int(edge)) for edge in shape]
        if self._head is not None:
            body = axes[HEAD_FEET]
            tumour = _extent(properties["class_locations"], body)
            centres[body] = self._head.drawn(int(shape[body]), self._spacing_mm[body], tumour)
        reversed_axis = axes[LEFT_RIGHT] if np.random.random() < 0.5 else None
        box = list(centres)
        for edge, axis in zip(self._block_size, order, strict=True):
            # the centre of an even block is the voxel behind its middle, as it is seen
            before, behind = edge // 2, edge - edge // 2 - 1
            if axis == reversed_axis:
                before, behind = behind, before
            first, last = centres[axis]
            box[axis] = first - before, last + behind
        return Turn(tuple(box), order, reversed_axis, tuple(centres))


def _extent(class_locations: Mapping[Any, Any], axis: int) -> tuple[int, int] | None:
    """Return the first voxel of all labels along an axis and the one behind the last, as far as nnU-Net noted them."""
    indices = [
        np.asarray(places)[:, 1 + axis]
        for label, places in class_locations.items()
        # nnU-Net notes all annotated voxels too, the background's with them, under a tuple that starts with -1
        if len(places) and not (isinstance(label, tuple) and -1 in label)
    ]
    if not indices:
        return None
    return min(int(i.min()) for i in indices), max(int(i.max()) for i in indices) + 1
