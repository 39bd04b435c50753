"""Score one case: every label of a pair of label maps."""

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
from nnunet_cscn.metrics.masks import Mask, common_box
from nnunet_cscn.metrics.scores import DEFAULT_TOLERANCES_MM, LabelScores, score_masks

MAX_UNNAMED_LABELS = 256
"""More different values than this in a file, without a dataset.json, mean that it is an image."""


def score_files(
    prediction: Path,
    reference: Path,
    spacing_mm: Sequence[float],
    *,
    labels: EvaluatedLabels | None = None,
    tolerances_mm: Sequence[float] = DEFAULT_TOLERANCES_MM,
    reader: VolumeReader = BY_CONTENT,
) -> dict[str, LabelScores]:
    """Score all labels of one case, reading each file once.

    Args:
        prediction: File with the predicted label map.
        reference: File with the reference on the same grid, whatever the order of the axes.
        spacing_mm: Size of a voxel along (Z, Y, X).
        labels: What to evaluate. None for every value above 0 that one of the two files holds.
        tolerances_mm: Tolerances of the surface Dice.
        reader: What reads the files.

    Returns:
        The scores by label.

    Raises:
        UserError: When a file is not whole, or holds something else than the known labels.
    """
    volumes = list[Volume]()
    for role, path in (("prediction", prediction), ("reference", reference)):
        try:
            volumes.append(reader.read(path))
        except UserError as fault:
            raise UserError(f"{role}: {fault}") from None
    first, second = volumes
    turned = first.on(second.grid)
    return score_volumes(
        first.voxels if turned is None else turned,
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
        reference: Label values of the same shape. Where it holds the ignore label, voxels take no part: they belong
            to no mask, and a face towards one of them is no surface.
        spacing_mm: Size of a voxel along (Z, Y, X).
        labels: What to evaluate. None for every value above 0 that one of the two volumes holds.
        tolerances_mm: Tolerances of the surface Dice.
        in_plane: Whether the volumes are flat images, whose surfaces are the contours of their one slice.

    Returns:
        The scores by label. In the prediction, voxels with the ignore label count as background.

    Raises:
        UserError: When a volume holds something else than the known labels.
        ValueError: When the shapes differ or the spacing is not three finite positive numbers.

    Example:
        >>> reference = np.zeros((4, 6, 6), dtype=np.uint8)
        >>> reference[1:3, 1:3, 1:3] = 1
        >>> score_volumes(reference, reference, (3.0, 1.0, 1.0))["1"].counts.dsc
        1.0
    """
    if prediction.shape != reference.shape:
        raise ValueError(f"prediction: expected the reference's shape {reference.shape}, got {prediction.shape}")
    box = common_box(prediction != 0, reference != 0)
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
    """The different values of a label map, once it is sure that they are labels."""
    flat = volume.reshape(-1)
    starts_run = np.concatenate(([True], flat[1:] != flat[:-1]))  # a label map has few runs: less to sort
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
    """Return the voxels that hold one of the values of a label or region."""
    mask: Mask = volume == values[0]
    for value in values[1:]:
        mask |= volume == value
    return mask
