"""The postprocessing of one label: threshold, fill holes, remove small components, keep the largest one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

from nnunet_cscn.metrics.components import components
from nnunet_cscn.metrics.masks import Mask, bounding_box
from nnunet_cscn.nifti.probabilities import LEVELS

Levels = NDArray[np.uint8]


@dataclass(frozen=True)
class LabelSteps:
    """The steps for one label, in this order. Without any step, the label is not changed.

    Attributes:
        threshold: Take the voxels whose probability is at least this, and in which no other label is more probable;
            None to start from the predicted label map.
        fill_holes: Fill background that is enclosed on all sides.
        min_ml: Remove connected components smaller than this, in ml; 0 for none.
        keep_largest: Keep the largest connected component alone.

    Example:
        >>> LabelSteps(fill_holes=True, min_ml=0.5).describe()
        'fill holes, remove components below 0.5 ml'
    """

    threshold: float | None = None
    fill_holes: bool = False
    min_ml: float = 0.0
    keep_largest: bool = False

    @property
    def change_nothing(self) -> bool:
        """Whether the label is not changed."""
        return self == LabelSteps()

    @property
    def only_keep_largest(self) -> bool:
        """Whether nnU-Net's own postprocessing can do the same."""
        return self == LabelSteps(keep_largest=True)

    def describe(self) -> str:
        """Return the steps in words."""
        said = [
            f"threshold {self.threshold:g}" if self.threshold is not None else "",
            "fill holes" if self.fill_holes else "",
            f"remove components below {self.min_ml:g} ml" if self.min_ml else "",
            "keep the largest component" if self.keep_largest else "",
        ]
        return ", ".join(filter(None, said)) or "nothing"

    def to_json(self) -> dict[str, Any]:
        """Return the steps for a JSON file."""
        return {
            "threshold": self.threshold,
            "fill_holes": self.fill_holes,
            "min_ml": self.min_ml,
            "keep_largest": self.keep_largest,
        }


@dataclass(frozen=True)
class LabelPostprocessing:
    """The steps of one label.

    Attributes:
        name: The label's name.
        values: Its value in the label map; several values are taken as one mask, as nnU-Net takes regions.
        steps: The steps.
    """

    name: str
    values: tuple[int, ...]
    steps: LabelSteps


def apply_steps(
    label_map: NDArray[Any],
    wanted: Sequence[LabelPostprocessing],
    *,
    voxel_ml: float,
    probabilities: Mapping[str, Levels] | None = None,
) -> NDArray[Any]:
    """Apply the steps of all labels to a label map.

    Removed voxels become background. Only background voxels are filled: no label takes a voxel of another label. If two
    labels fill the same voxel, the first label gets it.

    Args:
        label_map: Predicted label values, (Z, Y, X).
        wanted: The steps of each label.
        voxel_ml: Volume of a voxel.
        probabilities: The probabilities of all labels in steps of 1/255; needed by labels with a threshold.

    Returns:
        A new label map of the same type.
    """
    bases = {each.name: _base(label_map, each, probabilities) for each in wanted}
    others = _others(label_map, wanted)
    taken = np.logical_or.reduce([others, *bases.values()])
    result = np.where(others, label_map, 0).astype(label_map.dtype)
    for each in wanted:
        mask = bases[each.name]
        if each.steps.fill_holes:
            mask = mask | (fill_holes(mask) & ~taken)
        mask = remove_components(mask, each.steps, voxel_ml=voxel_ml) & (result == 0)
        if len(each.values) == 1:
            result[mask] = each.values[0]
        else:  # of several values none can be given to what was filled
            result[mask] = label_map[mask]
    return result


def apply_threshold(levels: Levels, threshold: float, others: Sequence[Levels]) -> Mask:
    """Return the voxels of a label by a threshold.

    Args:
        levels: The label's probabilities in steps of 1/255.
        threshold: The least probability.
        others: The probabilities of the other labels, which must not be larger.
    """
    mask: Mask = levels >= np.ceil(threshold * LEVELS - 1e-9)
    for other in others:
        mask &= levels >= other
    return mask


def fill_holes(mask: Mask) -> Mask:
    """Return a mask without holes.

    A hole is background that no path over the faces of background voxels connects with the outside.

    Args:
        mask: Shape (Z, Y, X).
    """
    box = bounding_box(mask)
    if box is None:
        return mask
    background = np.pad(~mask[box], 1, constant_values=True)
    numbers, _ = label(background)  # much faster than scipy's binary_fill_holes in large masks
    holes = background & (numbers != numbers[0, 0, 0])
    whole = mask.copy()
    whole[box] |= holes[1:-1, 1:-1, 1:-1]
    return whole


def remove_components(mask: Mask, steps: LabelSteps, *, voxel_ml: float) -> Mask:
    """Return a mask without the components that the steps remove."""
    if not steps.min_ml and not steps.keep_largest:
        return mask
    found = components(mask)
    if not found.n:
        return mask
    stays = found.sizes * voxel_ml >= steps.min_ml - 1e-9
    if steps.keep_largest:
        stays &= np.arange(found.n) == found.sizes.argmax()
    result = np.zeros(mask.shape, dtype=np.bool_)
    result[mask] = found.of_voxels(stays)
    return result


def _base(label_map: NDArray[Any], each: LabelPostprocessing, probabilities: Mapping[str, Levels] | None) -> Mask:
    if each.steps.threshold is None:
        return np.isin(label_map, each.values)
    assert probabilities is not None
    others = [levels for name, levels in probabilities.items() if name != each.name]
    return apply_threshold(probabilities[each.name], each.steps.threshold, others)


def _others(label_map: NDArray[Any], wanted: Sequence[LabelPostprocessing]) -> Mask:
    """Return the voxels of all other labels."""
    named = [value for each in wanted for value in each.values]
    return ~np.isin(label_map, [0, *named])
