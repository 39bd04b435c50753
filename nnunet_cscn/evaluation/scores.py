"""All scores of one label in one case."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from nnunet_cscn.evaluation.masks import checked_pair, checked_spacing, grown, occupied_box
from nnunet_cscn.evaluation.overlap import OverlapCounts, count_overlap
from nnunet_cscn.evaluation.surface import surface_distances

JsonNumber: TypeAlias = "float | str | None"


@dataclass(frozen=True)
class LabelScores:
    """Scores of one label in one case. The defaults are those of two empty masks.

    Attributes:
        counts: The voxels, from which come DSC, precision, recall and F1.
        assd_mm: Average symmetric surface distance: nan when both masks are empty, infinity when one is.
        hd95_mm: 95th percentile of the surface distances: nan and infinity likewise.
    """

    counts: OverlapCounts = field(default_factory=OverlapCounts)
    assd_mm: float = math.nan
    hd95_mm: float = math.nan

    def to_json(self) -> dict[str, JsonNumber]:
        """Return the six scores for a JSON file: nan as None, infinity as "inf"."""
        return {
            "dsc": json_number(self.counts.dsc),
            "precision": json_number(self.counts.precision),
            "recall": json_number(self.counts.recall),
            "f1": json_number(self.counts.f1),
            "assd_mm": json_number(self.assd_mm),
            "hd95_mm": json_number(self.hd95_mm),
        }


def score_masks(
    prediction: ArrayLike, reference: ArrayLike, spacing_mm: Sequence[float], *, ignored: ArrayLike | None = None
) -> LabelScores:
    """Compare a predicted mask with its reference.

    Args:
        prediction: Binary mask, shape (Z, Y, X).
        reference: Binary mask of the same shape.
        spacing_mm: Size of a voxel along (Z, Y, X).
        ignored: Voxels that take no part, a binary mask of the same shape: they are in neither mask, and a face
            towards one of them is no surface.

    Returns:
        The scores. Both masks empty: all nan. One empty: DSC and F1 0, distances infinite, precision nan (prediction
        empty) or recall nan (reference empty).

    Raises:
        ValueError: When the shapes differ, are not three-dimensional, a mask is not binary, or the spacing is not
            three finite positive numbers.

    Example:
        A cube of 4 voxels a side against itself one voxel further along z.

        >>> reference, prediction = np.zeros((8, 6, 6), dtype=bool), np.zeros((8, 6, 6), dtype=bool)
        >>> reference[1:5, 1:5, 1:5] = prediction[2:6, 1:5, 1:5] = True
        >>> scores = score_masks(prediction, reference, (3.0, 1.0, 1.0))
        >>> scores.counts.dsc, scores.hd95_mm
        (0.75, 3.0)
    """
    spacing = checked_spacing(spacing_mm)
    first, second = checked_pair(prediction, reference, ignored)
    box = occupied_box(first | second)
    if box is None:
        return LabelScores()
    hidden = None
    if ignored is not None:
        box = grown(box, first.shape)
        hidden = np.asarray(ignored)[box]
    first, second = first[box], second[box]
    distances = surface_distances(first, second, spacing, ignored=hidden)
    return LabelScores(count_overlap(first, second), distances.assd_mm, distances.hd95_mm)


def json_number(value: float) -> JsonNumber:
    """Return ``value`` as JSON can hold it: nan as None, infinity as "inf".

    Example:
        >>> json_number(0.5), json_number(math.nan), json_number(math.inf)
        (0.5, None, 'inf')
    """
    if math.isnan(value):
        return None
    return "inf" if math.isinf(value) else value
