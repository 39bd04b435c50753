"""Score every label of one pair of label maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnunet_cscn.errors import UserError
from nnunet_cscn.evaluation.labels import EvaluatedLabels
from nnunet_cscn.formats.digits import shown_value
from nnunet_cscn.formats.reading import BY_CONTENT
from nnunet_cscn.formats.volume import Volume, VolumeReader
from nnunet_cscn.metrics.masks import Mask, common_bounding_box
from nnunet_cscn.metrics.scores import DEFAULT_TOLERANCES_MM, LabelScores, score_masks

MAX_UNNAMED_LABELS = 256
"""Without a dataset.json, a file with more different values than this is considered an image."""


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
    box = common_bounding_box(prediction != 0, reference != 0)
    crop = box if box is not None else (slice(0, 1),) * 3
    first, second = prediction[crop], reference[crop]
    values = label_values("prediction", first, labels) | label_values("reference", second, labels)
    evaluated = labels if labels is not None else EvaluatedLabels.from_values(values)
    ignored = None
    if evaluated.ignore is not None and evaluated.ignore in values:
        ignored = second == evaluated.ignore
    n_outside = prediction.size - first.size
    scores = {}
    for name, wanted in evaluated.values.items():
        found = score_masks(
            label_mask(first, wanted),
            label_mask(second, wanted),
            spacing_mm,
            ignored=ignored,
            tolerances_mm=tolerances_mm,
            in_plane=in_plane,
        )
        scores[name] = replace(found, n_voxels=found.n_voxels + n_outside)
    return scores


def label_values(role: str, volume: NDArray[Any], labels: EvaluatedLabels | None) -> set[int]:
    """Return the distinct values of a label map. Raise an error if they are not labels."""
    flat = volume.reshape(-1)
    starts_run = np.concatenate(([True], flat[1:] != flat[:-1]))  # only the first voxel of each run: less to sort
    values = np.unique(flat[starts_run])
    odd = values[~np.isfinite(values) | (values != np.floor(values))]
    if odd.size:
        raise UserError(f"{role}: expected integer labels, got {shown_value(odd[0])}")
    present = {int(value) for value in values}
    if labels is None and min(present) < 0:
        raise UserError(f"{role}: expected labels of 0 or more, got {min(present)}")
    if labels is None and len(present) > MAX_UNNAMED_LABELS:
        raise UserError(f"{role}: the file has {len(present)} different values, so it is an image, not a label map")
    if labels is not None and not present <= labels.known:
        strange = ", ".join(str(value) for value in sorted(present - labels.known)[:10])
        raise UserError(f"{role}: the file contains {strange}, which is not a label of the dataset.json")
    return present


def label_mask(volume: NDArray[Any], values: Sequence[int]) -> Mask:
    """Return the voxels that belong to a label or region."""
    mask: Mask = volume == values[0]
    for value in values[1:]:
        mask |= volume == value
    return mask
