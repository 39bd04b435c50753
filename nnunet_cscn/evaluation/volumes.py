"""Score every label of one pair of label maps."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects

from nnunet_cscn.errors import UserError
from nnunet_cscn.evaluation.labels import EvaluatedLabels
from nnunet_cscn.formats.digits import shown_value
from nnunet_cscn.formats.reading import BY_CONTENT
from nnunet_cscn.formats.volume import LARGEST_LABEL, Volume, VolumeReader
from nnunet_cscn.metrics.masks import Box, Mask, bounding_box, enclosing_box, grow_box, shift_box, slabs
from nnunet_cscn.metrics.scores import DEFAULT_TOLERANCES_MM, LabelScores, score_masks

MAX_UNNAMED_LABELS = 256
"""Without a dataset.json, a file with more different values than this is considered an image."""

MAX_FAST_LABEL = 2**16 - 1
"""SciPy's search for the boxes of all values makes a list as long as the largest value."""


def score_files(
    prediction: Path,
    reference: Path,
    spacing_mm: Sequence[float],
    *,
    labels: EvaluatedLabels | None = None,
    tolerances_mm: Sequence[float] = DEFAULT_TOLERANCES_MM,
    reader: VolumeReader = BY_CONTENT,
) -> dict[str, LabelScores]:
    """Score all labels of one case. Each file is read once.

    Args:
        prediction: File with the predicted label map.
        reference: File with the reference label map on the same grid. The order of the axes may differ.
        spacing_mm: Size of a voxel along (Z, Y, X).
        labels: The labels to evaluate. None for every value above 0 in the two files.
        tolerances_mm: Tolerances of the surface Dice (NSD), in mm.
        reader: Reads the files.

    Returns:
        The scores by label.

    Raises:
        UserError: When a file is incomplete or contains unknown labels, or the shapes differ.
    """
    volumes = list[Volume]()
    for role, path in (("prediction", prediction), ("reference", reference)):
        try:
            volumes.append(reader.read(path))
        except UserError as fault:
            raise UserError(f"{role}: {fault}") from None
    first, second = volumes
    reordered = first.on(second.grid)
    prediction_voxels = first.voxels if reordered is None else reordered
    if prediction_voxels.shape != second.voxels.shape:
        raise UserError(f"the prediction has shape {first.voxels.shape}, the reference has {second.voxels.shape}")
    return score_volumes(
        prediction_voxels,
        second.voxels,
        spacing_mm,
        labels=labels,
        tolerances_mm=tolerances_mm,
        in_plane=second.grid.is_flat,
    )


def score_volumes(
    prediction: NDArray[Any],
    reference: NDArray[Any],
    spacing_mm: Sequence[float],
    *,
    labels: EvaluatedLabels | None = None,
    tolerances_mm: Sequence[float] = DEFAULT_TOLERANCES_MM,
    in_plane: bool = False,
) -> dict[str, LabelScores]:
    """Score all labels of one pair of label maps.

    Args:
        prediction: Label values, shape (Z, Y, X).
        reference: Label values of the same shape. Voxels with the ignore label are excluded: they belong to no mask,
            and a face towards such a voxel is not a surface.
        spacing_mm: Size of a voxel along (Z, Y, X).
        labels: The labels to evaluate. None for every value above 0 in the two volumes.
        tolerances_mm: Tolerances of the surface Dice (NSD), in mm.
        in_plane: Whether the volumes are 2D images. Their surfaces are the contours of the slice.

    Returns:
        The scores by label. In the prediction, voxels with the ignore label count as background.

    Raises:
        UserError: When a volume contains unknown labels.
        ValueError: When the shapes differ or the spacing is not three finite positive numbers.

    Example:
        >>> reference = np.zeros((4, 6, 6), dtype=np.uint8)
        >>> reference[1:3, 1:3, 1:3] = 1
        >>> score_volumes(reference, reference, (3.0, 1.0, 1.0))["1"].counts.dsc
        1.0
    """
    if prediction.shape != reference.shape:
        raise ValueError(f"prediction: expected the reference's shape {reference.shape}, got {prediction.shape}")
    values = label_values("prediction", prediction, labels) | label_values("reference", reference, labels)
    evaluated = labels if labels is not None else EvaluatedLabels.from_values(values)
    ignored = None
    if evaluated.ignore is not None and evaluated.ignore in values:
        ignored = reference == evaluated.ignore
    n_voxels = reference.size - (0 if ignored is None else int(np.count_nonzero(ignored)))
    boxes = [boxes_of_values(volume, values) for volume in (prediction, reference)]
    scores = {}
    for name, wanted in evaluated.values.items():
        near = enclosing_box([box for each in boxes for value, box in each.items() if value in wanted])
        near = (slice(0, 1),) * 3 if near is None else grow_box(near, reference.shape)
        found = score_masks(
            label_mask(prediction[near], wanted),
            label_mask(reference[near], wanted),
            spacing_mm,
            ignored=None if ignored is None else ignored[near],
            tolerances_mm=tolerances_mm,
            in_plane=in_plane,
        )
        scores[name] = replace(found, n_voxels=n_voxels)
    return scores


def boxes_of_values(volume: NDArray[Any], values: Collection[int]) -> dict[int, Box]:
    """Return the smallest box around each label value that a volume contains, background excluded.

    Args:
        volume: Label values, shape (Z, Y, X).
        values: The values that may occur.
    """
    wanted = [value for value in values if value]
    whole = bounding_box(volume if volume.dtype.kind in "iub" else volume != 0)
    if whole is None or not wanted:
        return {}
    inside = volume[whole]
    boxes: dict[int, Box | None]
    if inside.dtype.kind in "iu" and inside.dtype.isnative and all(0 < value <= MAX_FAST_LABEL for value in wanted):
        found: list[Any] = find_objects(inside, max_label=max(wanted))  # one pass for all values
        boxes = {value: found[value - 1] for value in wanted}
    else:
        boxes = {value: bounding_box(inside == value) for value in wanted}
    return {value: shift_box(box, whole) for value, box in boxes.items() if box is not None}


def label_values(role: str, volume: NDArray[Any], labels: EvaluatedLabels | None) -> set[int]:
    """Return the distinct values of a label map. Raise an error if they are not labels."""
    values = np.unique(np.concatenate([_values_in(volume[part]) for part in slabs(volume.shape)]))
    odd = values[~np.isfinite(values) | (values != np.floor(values))]
    if odd.size:
        raise UserError(f"{role}: expected integer labels, got {shown_value(odd[0])}")
    present = {int(value) for value in values}
    if labels is None and min(present) < 0:
        raise UserError(f"{role}: expected labels of 0 or more, got {min(present)}")
    if labels is None and max(present) > LARGEST_LABEL:
        raise UserError(f"{role}: expected labels of at most {LARGEST_LABEL}, got {_shown(max(present))}")
    if labels is None and len(present) > MAX_UNNAMED_LABELS:
        raise UserError(f"{role}: the file has {len(present)} different values, so it is an image, not a label map")
    if labels is not None and not present <= labels.known:
        strange = ", ".join(_shown(value) for value in sorted(present - labels.known)[:10])
        raise UserError(f"{role}: the file contains {strange}, which is not a label of the dataset.json")
    return present


def _shown(label: int) -> str:
    return str(label) if abs(label) < 10**15 else f"{label:.3g}"


def _values_in(volume: NDArray[Any]) -> NDArray[Any]:
    flat = volume.reshape(-1)
    starts_run = np.ones(flat.size, dtype=bool)
    np.not_equal(flat[1:], flat[:-1], out=starts_run[1:])  # only the first voxel of each run: less to sort
    return np.unique(flat[starts_run])


def label_mask(volume: NDArray[Any], values: Sequence[int]) -> Mask:
    """Return the voxels that belong to a label or region."""
    mask: Mask = volume == values[0]
    for value in values[1:]:
        mask |= volume == value
    return mask
